"""ELB's security policies as HAProxy bind options (ELB section 8.2)."""

from dataclasses import dataclass

from elbow_api.tls_policy import TlsPolicy

_TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
# What policies are made of. _RSA_* exchange keys by RSA, without forward secrecy.
_GCM = {
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
}
_CBC_SHA2 = {
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
}
_CBC_SHA1 = {"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"}
_RSA_TLS12 = {"AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"}
_RSA_SHA1 = {"AES128-SHA", "AES256-SHA"}
_3DES = {"DES-CBC3-SHA"}
_ORDER = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-RSA-AES128-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES128-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA256",
    "AES256-SHA",
    "DES-CBC3-SHA",
)
_CLASSIC_CURVES = "X25519:P-256:P-384:P-521"
_PQ_CURVES = f"X25519MLKEM768:SecP256r1MLKEM768:{_CLASSIC_CURVES}"


@dataclass(frozen=True)
class Offer:
    """Protocols and ciphers in the server's order."""

    least: str
    most: str
    ciphers: tuple[str, ...]
    post_quantum: bool = False

    @property
    def bind_options(self) -> list[str]:
        """The options of a bind line; SECLEVEL 0 lets OpenSSL offer what old policies name."""
        words = ["ssl-min-ver", self.least, "ssl-max-ver", self.most]
        words += ["ciphers", ":".join(("@SECLEVEL=0", *self.ciphers))] if self.ciphers else []
        words += ["ciphersuites", ":".join(_TLS13)] if self.most == "TLSv1.3" else []
        return [*words, "curves", _PQ_CURVES if self.post_quantum else _CLASSIC_CURVES]


def _offer(least: str, most: str, *ciphers: set[str], pq: bool = False) -> Offer:
    chosen = set().union(*ciphers)
    return Offer(f"TLSv{least}", f"TLSv{most}", tuple(name for name in _ORDER if name in chosen), pq)


_OFFERS = {
    TlsPolicy.TLS13_1_3_2021_06: _offer("1.3", "1.3"),
    TlsPolicy.TLS13_1_2_2021_06: _offer("1.2", "1.3", _GCM, _CBC_SHA2),
    TlsPolicy.TLS13_1_2_RES_2021_06: _offer("1.2", "1.3", _GCM),
    TlsPolicy.TLS13_1_2_EXT1_2021_06: _offer("1.2", "1.3", _GCM, _CBC_SHA2, _RSA_TLS12),
    TlsPolicy.TLS13_1_2_EXT2_2021_06: _offer("1.2", "1.3", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.TLS13_1_1_2021_06: _offer("1.1", "1.3", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.TLS13_1_0_2021_06: _offer("1.0", "1.3", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.TLS13_1_3_PQ_2025_09: _offer("1.3", "1.3", pq=True),
    TlsPolicy.TLS13_1_2_PQ_2025_09: _offer("1.2", "1.3", _GCM, _CBC_SHA2, pq=True),
    TlsPolicy.TLS13_1_2_RES_PQ_2025_09: _offer("1.2", "1.3", _GCM, pq=True),
    TlsPolicy.TLS13_1_2_EXT1_PQ_2025_09: _offer("1.2", "1.3", _GCM, _CBC_SHA2, _RSA_TLS12, pq=True),
    TlsPolicy.TLS13_1_2_EXT2_PQ_2025_09: _offer(
        "1.2", "1.3", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1, pq=True
    ),
    TlsPolicy.TLS13_1_0_PQ_2025_09: _offer("1.0", "1.3", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1, pq=True),
    TlsPolicy.FS_1_2_RES_2020_10: _offer("1.2", "1.2", _GCM),
    TlsPolicy.FS_1_2_RES_2019_08: _offer("1.2", "1.2", _GCM, _CBC_SHA2),
    TlsPolicy.FS_1_2_2019_08: _offer("1.2", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1),
    TlsPolicy.FS_1_1_2019_08: _offer("1.1", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1),
    TlsPolicy.FS_2018_06: _offer("1.0", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1),
    TlsPolicy.TLS_1_2_EXT_2018_06: _offer("1.2", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.TLS_1_2_2017_01: _offer("1.2", "1.2", _GCM, _CBC_SHA2, _RSA_TLS12),
    TlsPolicy.TLS_1_1_2017_01: _offer("1.1", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.TLS_1_0_2015_04: _offer("1.0", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1, _3DES),
    TlsPolicy.V2016_08: _offer("1.0", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
    TlsPolicy.V2015_05: _offer("1.0", "1.2", _GCM, _CBC_SHA2, _CBC_SHA1, _RSA_TLS12, _RSA_SHA1),
}


def offer(policy: TlsPolicy) -> Offer:
    """What a policy offers."""
    return _OFFERS[policy]
