"""A gRPC client of a GrpcTarget, over TLS."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import grpc

from harness.certificates import Authority
from harness.grpc_target import SERVICE


class GrpcClient:
    """One channel to a port; no proxy of the environment, no retries."""

    def __init__(self, port: int, authority: Authority, *, server_name: str, host: str = "127.0.0.1") -> None:
        options = [
            ("grpc.ssl_target_name_override", server_name),
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0),
        ]
        trust = grpc.ssl_channel_credentials(authority.file.read_bytes())
        self.channel = grpc.secure_channel(f"{host}:{port}", trust, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.channel.close()

    def unary(self, data: bytes, *, method: str = f"{SERVICE}Unary", limit: float = 15.0) -> tuple[bytes, str]:
        """Call and return the answer and the target's name; grpc.RpcError otherwise."""
        answer, call = self.channel.unary_unary(method).with_call(data, timeout=limit)
        return answer, dict(call.initial_metadata())["x-target"]

    def server_stream(self, data: bytes) -> list[bytes]:
        """Call a method that answers the message three times."""
        return list(self.channel.unary_stream(f"{SERVICE}ServerStream")(data, timeout=15))

    def bidi(self, messages: Iterable[bytes]) -> list[bytes]:
        """Stream messages there and back."""
        return list(self.channel.stream_stream(f"{SERVICE}Bidi")(iter(messages), timeout=15))
