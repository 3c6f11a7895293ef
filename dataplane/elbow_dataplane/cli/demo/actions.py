"""What a user can do to the targets, as the keys and the script do it."""

from elbow_dataplane.cli.demo.fleet import Fleet
from elbow_dataplane.cli.demo.home import DELAY, INTERVAL, TARGETS, ZONES, Home, Target
from elbow_dataplane.cli.demo.manifest import deregistered, is_registered, registered
from elbow_dataplane.cli.demo.scene import Scene


class Actions:
    """Each does one thing and says what ELB does then; none leaves the clients without a target."""

    def __init__(self, home: Home, fleet: Fleet, scene: Scene) -> None:
        self.home, self.fleet, self.scene = home, fleet, scene

    async def break_(self) -> Target | None:
        """Break the next target that is well."""
        target = next((t for t in TARGETS if self.fleet.is_up(t) and t not in self.fleet.broken), None)
        if target is None:
            self._refuse("every target is broken already: m mends them")
            return None
        await self.fleet.break_(target)
        self.scene.say(
            f"b: {target.name} is broken: its health check answers 500. After 2 failures, {INTERVAL} s apart, it is "
            "unhealthy and gets nothing new; what it is serving goes on."
        )
        return target

    async def mend(self) -> None:
        """Mend every broken target."""
        broken = [t for t in TARGETS if t in self.fleet.broken]
        if not broken:
            return self._refuse("no target is broken: b breaks one")
        for target in broken:
            await self.fleet.mend(target)
        return self.scene.say(
            f"m: {_names(broken)} answers 200 again: healthy after 2 successes, and at once served like the others."
        )

    async def drain(self) -> Target | None:
        """Deregister the next target."""
        text = self.home.manifest.read_text()
        ready = [t for t in TARGETS if is_registered(text, t)]
        target = next((t for t in reversed(ready) if t not in self.fleet.broken and self.fleet.is_up(t)), None)
        if target is None or not self._serving(ready, without=[target]):
            self._refuse("the last target that serves stays: r registers the others again")
            return None
        self._write(deregistered(text, target))
        self.scene.say(
            f"d: {target.name} is taken out of the manifest: it gets nothing new, and has {DELAY} s to finish what it "
            "is serving (try the /slow line)."
        )
        return target

    async def register(self) -> None:
        """Register every target again."""
        text = self.home.manifest.read_text()
        missing = [t for t in TARGETS if not is_registered(text, t)]
        if not missing:
            return self._refuse("every target is registered: d deregisters one")
        for target in missing:
            text = registered(text, target)
        self._write(text)
        return self.scene.say(
            f"r: back in the manifest: {_names(missing)}. Initial first, and healthy at the first success."
        )

    async def cut(self) -> str | None:
        """Stop the targets of the next zone."""
        text = self.home.manifest.read_text()
        up = [zone for zone in ZONES if any(self.fleet.is_up(t) for t in _in(zone))]
        ready = [t for t in TARGETS if is_registered(text, t)]
        zone = next((z for z in reversed(up) if self._serving(ready, without=_in(z))), None)
        if zone is None:
            self._refuse("the last zone that serves stays: Z brings the others back")
            return None
        await self.fleet.stop(*_in(zone))
        self.scene.say(
            f"z: {zone} is cut: {_names(_in(zone))} refuse every connection. Requests that meet them go "
            "to another target; after 2 failed checks nothing is sent there."
        )
        return zone

    async def restore(self) -> None:
        """Start the targets of every zone that is cut."""
        down = [t for t in TARGETS if not self.fleet.is_up(t)]
        if not down:
            return self._refuse("no zone is cut: z cuts one")
        await self.fleet.start(*down)
        zones = ", ".join(dict.fromkeys(t.zone for t in down))
        return self.scene.say(f"Z: {zones} is back: its targets are healthy after 2 successes.")

    def _serving(self, ready: list[Target], without: list[Target]) -> bool:
        return any(self.fleet.is_up(t) and t not in without for t in ready)

    def _refuse(self, why: str) -> None:
        self.scene.say(why, "yellow")

    def _write(self, text: str) -> None:
        fresh = self.home.manifest.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.home.manifest)


def _in(zone: str) -> list[Target]:
    return [t for t in TARGETS if t.zone == zone]


def _names(targets: list[Target]) -> str:
    return " and ".join(t.name for t in targets)
