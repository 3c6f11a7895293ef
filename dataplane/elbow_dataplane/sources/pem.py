"""Whether PEM text is what it is meant to be; HAProxy would refuse it too, but can't name the field."""

import ssl
import tempfile

from elbow_api.fault import Fault, Path, Refused


def check_pair(pem: bytes, at: Path) -> None:
    """A certificate with its private key, or Refused."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pem)
        file.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file.name, password="")
        except (ssl.SSLError, OSError, ValueError) as error:
            raise Refused(
                [Fault(at, f"not a PEM certificate with its unencrypted private key{_reason(error)}")]
            ) from None


def check_authorities(pem: bytes, at: Path) -> None:
    """Certificate authorities, or Refused."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise Refused([Fault(at, f"not a PEM file of certificate authorities{_reason(error)}")]) from None


def _reason(error: Exception) -> str:
    """What OpenSSL says, where that is a word for it and no place in Python's source."""
    text = getattr(error, "reason", None) or ("" if isinstance(error, ssl.SSLError) else str(error))
    return f" ({text.lower().replace('_', ' ')})" if text else ""
