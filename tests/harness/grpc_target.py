"""A target that speaks gRPC, with the health service and without any need of generated code."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc

from harness.certificates import Certificate

SERVICE = "/elbow.test.Echo/"
_SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}
_NOT_SERVING = b"\x08\x02"


@dataclass(frozen=True)
class Call:
    """A call as it arrived."""

    method: str
    metadata: dict[str, str] = field(default_factory=dict)


class GrpcTarget(grpc.GenericRpcHandler):
    """Serves /elbow.test.Echo/Unary, ServerStream (the message three times), Bidi, Hold; anything else is unimplemented (12).

    The target's name is in the initial metadata `x-target`.
    """

    def __init__(
        self, name: str, ip: str, port: int, *, zone: str | None = None, tls: Certificate | None = None
    ) -> None:
        self.name, self.ip, self.port, self.zone = name, ip, port, zone
        self.calls: list[Call] = []
        """Every call, health checks apart."""
        self.checks: list[Call] = []
        """Calls of the health service, and of methods that `codes` names."""
        self.codes: dict[str, grpc.StatusCode] = {}
        """Status codes by method, such as {"/AWS.ALB/healthcheck": grpc.StatusCode.OK}."""
        self.is_serving = True
        """What grpc.health.v1.Health/Check answers."""
        self.released = threading.Event()
        """Lets calls of Hold go on."""
        self._server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self,))
        if tls is None:
            bound = self._server.add_insecure_port(f"{ip}:{port}")
        else:
            pair = (tls.key.read_bytes(), tls.chain.read_bytes())
            bound = self._server.add_secure_port(f"{ip}:{port}", grpc.ssl_server_credentials([pair]))
        assert bound == port
        self._server.start()

    def address(self, **fields: Any) -> dict[str, Any]:
        """The target as a manifest names it."""
        entry: dict[str, Any] = {"ip": self.ip, "port": self.port, "zone": self.zone} | fields
        return {key: value for key, value in entry.items() if value is not None}

    def stop(self) -> None:
        """Close everything."""
        self.released.set()
        self._server.stop(grace=None).wait(5)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """The handler of a method; None is UNIMPLEMENTED."""
        method = handler_call_details.method
        call = Call(method, {k: str(v) for k, v in handler_call_details.invocation_metadata or ()})
        is_check = (
            method.startswith("/grpc.health.v1.Health/") or method == "/AWS.ALB/healthcheck" or method in self.codes
        )
        (self.checks if is_check else self.calls).append(call)
        if method in self.codes:
            return grpc.unary_unary_rpc_method_handler(self._coded(self.codes[method]))
        if method == "/grpc.health.v1.Health/Check":
            return grpc.unary_unary_rpc_method_handler(lambda _, __: _SERVING if self.is_serving else _NOT_SERVING)
        return {
            f"{SERVICE}Unary": grpc.unary_unary_rpc_method_handler(self._unary),
            f"{SERVICE}ServerStream": grpc.unary_stream_rpc_method_handler(self._server_stream),
            f"{SERVICE}Bidi": grpc.stream_stream_rpc_method_handler(self._bidi),
            f"{SERVICE}Hold": grpc.unary_unary_rpc_method_handler(self._hold),
        }.get(method)

    def _coded(self, code: grpc.StatusCode) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
            context.set_code(code)
            return b""

        return answer

    def _unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self._greet(context)
        return request

    def _hold(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.released.wait(60)
        return self._unary(request, context)

    def _server_stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        self._greet(context)
        yield from [request] * 3

    def _bidi(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self._greet(context)
        yield from requests

    def _greet(self, context: grpc.ServicerContext) -> None:
        context.send_initial_metadata((("x-target", self.name),))
