"""Who may ask: the page that this console served to the browser it was opened in, and nobody else.

A page of another site can make a browser send requests to loopback, and a name of its own can be pointed there
(DNS rebinding); the Host and Origin headers, which pages can't choose, tell. The token keeps out other users of the machine.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

_WRITES = ("POST", "PUT", "PATCH", "DELETE")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
"""What every answer carries."""


@dataclass(frozen=True)
class Guard:
    """Judges requests by their headers alone."""

    port: int
    token: str

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """The status and the reason a request is refused with; None if it may pass. Header names as HTTP has them."""
        host = headers.get("Host", "")
        if host not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            return 421, "this console answers to its own address alone"
        origin = headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            return 403, "the request comes from another site"
        is_link = not path.startswith("/api/") and headers.get("Sec-Fetch-Mode") == "navigate"
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and not is_link:
            return 403, "the request comes from another site"
        if method in _WRITES and origin is None:
            return 403, "a request that changes something needs an Origin"
        if path.startswith("/api/") and not self._knows(headers.get("Authorization", "")):
            return 401, "open the address that kubectl elb console printed"
        return None

    def _knows(self, authorization: str) -> bool:
        return hmac.compare_digest(authorization.encode(), f"Bearer {self.token}".encode())
