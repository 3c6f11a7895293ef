"""Which certificate HAProxy serves, by its fingerprint: `show ssl cert` and `show ssl ca-file` (HAProxy management guide, 9.3)."""

import hashlib
import re
import ssl

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_BLOCKS = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_TOLD = re.compile(r"^SHA1 FingerPrint: ([0-9A-F]+)$", re.MULTILINE)


def fingerprints(pem: bytes, *, whole: bool) -> tuple[str, ...]:
    """SHA-1, in upper-case hex, of a file's first certificate (the served one), or of all of them in order of their digits."""
    found = [_fingerprint(text) for text in _PEM.findall(pem.decode("ascii", "replace"))]
    return tuple(sorted(set(found))) if whole else tuple(found[:1])


def blocks(pem: bytes) -> str:
    """A PEM file without what people write between its parts, and without empty lines."""
    text = "\n".join(found[0] for found in _BLOCKS.finditer(pem.decode("ascii", "replace")))
    return "\n".join(line for line in text.splitlines() if line.strip())


def fingerprints_told(text: str) -> tuple[str, ...]:
    """Those HAProxy names in its answer; none for a file it doesn't know, or one that holds nothing."""
    return tuple(sorted(set(_TOLD.findall(text))))


def _fingerprint(text: str) -> str:
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(text), usedforsecurity=False).hexdigest().upper()
