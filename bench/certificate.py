"""The certificate every peer serves, and the one cipher every client offers."""

import subprocess
from pathlib import Path

_CLIENT = """openssl_conf = default
[default]
ssl_conf = ssl
[ssl]
system_default = client
[client]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
"""


class Certificate:
    """An ECDSA P-256 key and certificate as files, made when constructed."""

    def __init__(self, directory: Path) -> None:
        self.key, self.chain, self.bundle = (directory / name for name in ("key.pem", "chain.pem", "bundle.pem"))
        self.client = directory / "openssl.cnf"
        """The clients' OpenSSL configuration."""
        self.client.write_text(_CLIENT)
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bench"
        subprocess.run(
            [*command.split(), "-addext", "subjectAltName=DNS:bench", "-keyout", self.key, "-out", self.chain],
            check=True,
            capture_output=True,
        )
        self.bundle.write_text(self.chain.read_text() + self.key.read_text())
