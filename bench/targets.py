"""The targets behind every peer."""

from pathlib import Path

from bench.peer import HTTP, TARGETS, Peer
from bench.program import LOAD_CORE, TOOLS, Program


class Targets:
    """Answer on every target's port at every loopback address; `direct` is a way to them past all proxies."""

    def __init__(self, directory: Path) -> None:
        addresses = [f"127.0.0.1:{HTTP}", *(f"0.0.0.0:{port}" for port in TARGETS)]
        self.program = Program([TOOLS / "backend", *addresses], directory / "backend.log", core=LOAD_CORE)
        self.direct = Peer("direct", "127.0.0.1", self.program, lambda: [self.program.pid])
        self.direct.wait()
