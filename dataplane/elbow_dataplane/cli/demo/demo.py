"""Runs the demo: the targets, `elbow run` over them, the clients, and what is shown of it."""

import asyncio
import shutil
import signal
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import click
from elbow_api.proxy_report import ProxyReport
from rich.console import Console
from rich.live import Live

from elbow_dataplane.cli.demo.actions import Actions
from elbow_dataplane.cli.demo.child import Child
from elbow_dataplane.cli.demo.fleet import Fleet
from elbow_dataplane.cli.demo.home import HOST, TARGETS, Home, free_ports, make_certificate, take_run_directory
from elbow_dataplane.cli.demo.manifest import manifest
from elbow_dataplane.cli.demo.scene import Scene
from elbow_dataplane.cli.demo.screen import Screen, event_line, summary
from elbow_dataplane.cli.demo.script import Script, Unexpected
from elbow_dataplane.cli.demo.traffic import LISTENERS, Traffic
from elbow_dataplane.cli.place import Unfit, find_haproxy
from elbow_dataplane.cli.running import ask

_ELBOW = ("-c", "from elbow_dataplane.cli.main import main; main(prog_name='elbow')")
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_START = 20.0
"""Seconds the load balancer has to be ready."""
_LOOK = 0.25
"""Seconds between two looks at the report, and two pictures."""
_LINE = 2.0
"""Seconds between two lines where there is no terminal."""


class Demo:
    """The whole of it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.fleet = Fleet(home.ports)
        self.traffic = Traffic()
        self.scene = Scene()
        self.actions = Actions(home, self.fleet, self.scene)
        self.screen = Screen(home, self.fleet, self.traffic, self.scene)
        self.faults: list[str] = []
        self.ends = asyncio.Event()

    async def run(self, *, script: bool, seconds: float | None) -> bool:
        """Run until asked to end, or for so many seconds; whether all went as it should."""
        for number in _ENDS:
            asyncio.get_running_loop().add_signal_handler(number, self.ends.set)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.fleet.stop, *TARGETS)
            await self.fleet.start(*TARGETS)
            balancer = await Child.start(*_ELBOW, *self._options(), log=self.home.log)
            stack.push_async_callback(balancer.stop)
            await self._ready(balancer)
            clients = await self._clients()
            stack.push_async_callback(clients.close)
            await self._show(balancer, script=script, seconds=seconds)
        if not self.faults:
            self.faults += [f"nothing was served by {name}" for name in LISTENERS if not self.traffic.served(name)]
        return not self.faults and not self.traffic.failures()

    def _options(self) -> list[str]:
        files = ["--run-dir", str(self.home.run), "--secret-file", str(self.home.directory / "secret")]
        return ["run", str(self.home.manifest), "--address", HOST, *files]

    async def _ready(self, balancer: Child) -> None:
        end = time.monotonic() + _START
        while not ((report := await self._look()) and _is_settled(report)):
            if self.ends.is_set():
                raise click.Abort
            if balancer.code is not None or time.monotonic() > end:
                raise Unfit(f"the load balancer isn't ready:\n{self.home.log.read_text()[-2000:]}")
            await asyncio.sleep(0.1)

    async def _look(self) -> ProxyReport | None:
        try:
            admin = (self.home.run / "admin").read_text().strip()
        except OSError:
            return None
        answer = await asyncio.to_thread(ask, admin)
        return answer if isinstance(answer, ProxyReport) else None

    async def _clients(self) -> Child:
        ports = self.home.ports
        listeners = map(str, (ports.http, ports.https, ports.tcp))
        program = ("-m", "elbow_dataplane.cli.demo.clients", HOST, *listeners, str(self.home.certificate))
        self.traffic.began = time.monotonic()
        return await Child.start(*program, hear=self.traffic.hear)

    async def _show(self, balancer: Child, *, script: bool, seconds: float | None) -> None:
        work: list[Awaitable[None]] = [self._watch(balancer)]
        if script:
            work.append(self._play(again=seconds is not None))
        if seconds is not None:
            work.append(asyncio.sleep(seconds))
        work.append(self._live() if sys.stdout.isatty() else self._lines())
        tasks = [asyncio.ensure_future(one) for one in work]
        with self._keys():
            await asyncio.wait([asyncio.ensure_future(self.ends.wait()), *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _watch(self, balancer: Child) -> None:
        while balancer.code is None:
            if report := await self._look():
                self.scene.see(report)
            await asyncio.sleep(_LOOK)
        self.faults.append(f"elbow run ended:\n{self.home.log.read_text()[-2000:]}")

    async def _play(self, *, again: bool) -> None:
        try:
            await Script(self.actions, self.scene).play()
            while again:
                await Script(self.actions, self.scene).play()
        except Unexpected as unexpected:
            self.faults.append(str(unexpected))

    async def _live(self) -> None:
        console = Console()
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.update(self.screen.draw(*console.size), refresh=True)
                await asyncio.sleep(_LOOK)

    async def _lines(self) -> None:
        told, spoken = 0, 0.0
        for line in self.screen.curl_lines():
            click.echo(f"try: {line}")
        try:
            while True:
                for event in self.scene.since(told):
                    click.echo(event_line(event))
                told = self.scene.told
                if time.monotonic() - spoken >= _LINE:
                    click.echo(f"         {self.screen.line()}")
                    spoken = time.monotonic()
                await asyncio.sleep(_LOOK)
        finally:
            for event in self.scene.since(told):
                click.echo(event_line(event))

    @contextmanager
    def _keys(self) -> Iterator[None]:
        """Take keys as they are pressed, where there is a keyboard and a screen."""
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            yield
            return
        loop, number = asyncio.get_running_loop(), sys.stdin.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number)
        pressed: asyncio.Queue[str] = asyncio.Queue()
        loop.add_reader(number, lambda: pressed.put_nowait(sys.stdin.read(1)))
        hands = asyncio.ensure_future(self._follow(pressed))
        try:
            yield
        finally:
            hands.cancel()
            loop.remove_reader(number)
            termios.tcsetattr(number, termios.TCSADRAIN, before)

    async def _follow(self, pressed: asyncio.Queue[str]) -> None:
        does: dict[str, Callable[[], Awaitable[object]]] = {
            "b": self.actions.break_,
            "m": self.actions.mend,
            "d": self.actions.drain,
            "r": self.actions.register,
            "z": self.actions.cut,
            "Z": self.actions.restore,
        }
        while (key := await pressed.get()) not in {"q", ""}:
            if act := does.get(key):
                with suppress(OSError):  # a target somebody ended from outside
                    await act()
        self.ends.set()


def _is_settled(report: ProxyReport) -> bool:
    return report.ready and report.converged and not any(group.initial for group in report.target_groups)


def demo(*, script: bool, seconds: float | None) -> bool:
    """Run the demo and print its summary; whether all went as it should. Raises Unfit where it can't run."""
    find_haproxy()
    for number in _ENDS:  # until the loop takes them
        signal.signal(number, signal.default_int_handler)
    run = take_run_directory()
    with tempfile.TemporaryDirectory(prefix="elbow-demo-") as directory:
        try:
            home = Home(Path(directory), run, free_ports())
            make_certificate(home)
            home.manifest.write_text(manifest(home))
            click.echo(f"Starting {len(TARGETS)} targets and a load balancer over them: {home.manifest}", err=True)
            show = Demo(home)
            good = asyncio.run(show.run(script=script, seconds=seconds))
        finally:
            shutil.rmtree(run, ignore_errors=True)
    _print_summary(show, good=good)
    return good


def _print_summary(show: Demo, *, good: bool) -> None:
    click.echo()
    for line in summary(show.traffic):
        click.echo(line)
    for fault in show.faults:
        click.echo(f"fault: {fault}")
    click.echo("All was served without an error." if good else "Not all was served as it should be.")
