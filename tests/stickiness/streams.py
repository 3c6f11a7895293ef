"""Several requests at once on one HTTP/2 connection, as a proxy in front sends those of several clients."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events


@dataclass
class Answer:
    """What came back on one stream."""

    target: str | None = None
    set_cookies: list[str] = field(default_factory=list)
    is_over: bool = False


class Streams:
    """One connection."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        raw = socket.create_connection(("127.0.0.1", port), 20)
        self.socket = tls.wrap_socket(raw, server_hostname="localhost")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="latin-1"))
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}

    def close(self) -> None:
        """End the connection."""
        self.socket.close()

    def open(self, path: str, cookie: list[tuple[str, str]], *, method: str = "GET", ends: bool = True) -> Answer:
        """Add a request to what is sent next; one that doesn't end waits for its body."""
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.h2.send_headers(stream, pseudo + [(name.lower(), value) for name, value in cookie], end_stream=ends)
        self.answers[stream] = answer = Answer()
        return answer

    def end(self, answer: Answer, body: bytes) -> None:
        """Add the body of a request that waits for it."""
        stream = next(number for number, known in self.answers.items() if known is answer)
        self.h2.send_data(stream, body, end_stream=True)

    def flush(self) -> None:
        """Send everything at once."""
        self.socket.sendall(self.h2.data_to_send())

    def wait(self) -> None:
        """Read until every request is answered."""
        self.flush()
        while not all(answer.is_over for answer in self.answers.values()):
            data = self.socket.recv(65536)
            assert data, "closed with requests unanswered"
            for event in self.h2.receive_data(data):
                self._take(event)
            self.flush()
        self.answers.clear()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            answer = self.answers[event.stream_id]
            for name, value in event.headers:
                if name == "x-target":
                    answer.target = str(value)
                if name == "set-cookie":
                    answer.set_cookies.append(str(value))
        elif isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.answers[event.stream_id].is_over = True
        assert not isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated), event
