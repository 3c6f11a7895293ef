"""A response as a client received it."""

from dataclasses import dataclass, field
from http.cookies import SimpleCookie


@dataclass
class Response:
    """Head and body; `interim` holds the 1xx before it."""

    status: int
    reason: str
    version: str
    headers: list[tuple[str, str]]
    raw: bytes
    """The head as it came."""
    body: bytes = b""
    interim: list[int] = field(default_factory=list)
    is_complete: bool = False
    """Whether the body came whole by its own framing."""

    def values(self, name: str) -> list[str]:
        """All values of a header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        return next(iter(self.values(name)), None)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("latin-1")

    @property
    def target(self) -> str | None:
        """The name of the target that answered; None if the balancer did."""
        return self.header("X-Target")

    @property
    def cookies(self) -> SimpleCookie:
        """The cookies it sets."""
        jar = SimpleCookie()
        for value in self.values("Set-Cookie"):
            jar.load(value)
        return jar

    @property
    def keeps_alive(self) -> bool:
        """Whether another request may follow on the connection."""
        word = (self.header("Connection") or "").lower()
        return "close" not in word and (self.version == "HTTP/1.1" or "keep-alive" in word)


def parse_response_head(raw: bytes) -> Response:
    """Take the head of a response apart; ValueError if it is none."""
    start, *lines = raw.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    version, code, *reason = start.split(" ", 2)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Response(int(code), reason[0] if reason else "", version, headers, raw)


def body_length(response: Response, method: str) -> int | None:
    """How long the body will be; None for chunked, -1 for until the end."""
    if method == "HEAD" or response.status < 200 or response.status in (204, 304):
        return 0
    if "chunked" in (response.header("Transfer-Encoding") or "").lower():
        return None
    length = response.header("Content-Length")
    return int(length) if length is not None else -1
