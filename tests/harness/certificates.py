"""Certificates made for a test: an authority, and what it signs."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_NOW = dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate, all PEM."""

    bundle: Path
    """Certificate, chain and key in one."""
    chain: Path
    key: Path
    serial: int

    def server_context(self, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """For a target that serves TLS with it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


class Authority:
    """Signs certificates and writes them into a directory."""

    def __init__(self, directory: Path, *, name: str = "Test authority") -> None:
        self.directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            _builder(self._name, self._name, self._key, days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_others=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = directory / "authority.pem"
        """The authority's own certificate."""
        self.file.write_bytes(self._certificate.public_bytes(Encoding.PEM))
        self._count = 0

    def issue(self, *names: str, kind: str = "ec", days: int = 10, file: Path | None = None) -> Certificate:
        """Make a certificate for names (or addresses); kind is `ec` (P-256) or `rsa` (2048). `file` replaces that bundle."""
        key: Key = ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        certificate = (
            _builder(subject, self._name, key, days=days)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return self._write(certificate, key, file)

    def client_context(self, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """For a client that trusts this authority only."""
        context = ssl.create_default_context(cafile=str(self.file))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _write(self, certificate: x509.Certificate, key: Key, file: Path | None) -> Certificate:
        self._count += 1
        stem = self.directory / f"certificate-{self._count}"
        pem = certificate.public_bytes(Encoding.PEM)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made = Certificate(
            file or stem.with_suffix(".pem"),
            stem.with_suffix(".crt"),
            stem.with_suffix(".key"),
            certificate.serial_number,
        )
        made.chain.write_bytes(pem)
        made.key.write_bytes(secret)
        fresh = made.bundle.with_suffix(".new")
        fresh.write_bytes(pem + secret)
        fresh.replace(made.bundle)
        return made


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, *, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW - dt.timedelta(days=60))
        .not_valid_after(_NOW + dt.timedelta(days=days))
    )


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_others,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
