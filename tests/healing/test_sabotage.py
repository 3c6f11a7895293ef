"""What someone changes at HAProxy's socket is put right within 5 s, without a reload where HAProxy can do it without."""

from collections.abc import Callable

from harness.client import Client, get
from harness.elbow import Elbow
from harness.haproxy import IS_34
from harness.manifest import group, http, listener, load_balancer
from harness.poll import until
from harness.targets import Targets

Start = Callable[..., Elbow]


def rows(lb: Elbow) -> dict[tuple[str, str], object]:
    """What each server is set to, by backend and name; how it came to be there, times and check results left out."""
    found: dict[tuple[str, str], object] = {}
    for line in lb.socket("show servers state").splitlines():
        words = line.split()
        if len(words) > 20 and words[0].isdigit():
            checked = words[4] if words[22] == "-" else words[22]
            is_out, is_checked = int(words[6]) & 0x09, int(words[13]) & 0x06
            found[words[1], words[3]] = (words[4], words[18], words[7], is_out, is_checked, words[21], checked)
    return found


def limits(lb: Elbow) -> list[str]:
    """Names, limits and weights of `show stat`."""
    listed = [row.split(",") for row in lb.socket("show stat").splitlines() if row]
    return sorted(",".join(row[i] for i in (0, 1, 6, 18)) for row in listed)


def whole(lb: Elbow) -> object:
    """All that has to come back."""
    names = [f"proc.{name}_web" for name in ("min", "queue", "sticky")]
    info = [line for line in lb.socket("show info").splitlines() if line.startswith("Maxconn:")]
    up = {(r.split(",")[1], r.split(",")[17]) for r in lb.socket("show stat").splitlines() if r}
    return rows(lb), limits(lb), [lb.socket(f"get var {name}") for name in names], info, up


DONE = {"", "New server registered.", "Server deleted."}
COMMANDS = [
    "set server tg_web/{a} state maint",
    "set server tg_web/{a} state drain",
    "set server tg_web_open/{a} state maint",
    "set server tg_web/{a} weight 0",
    "set server tg_web/{a} weight 7",
    "set server tg_web/{a} addr 127.0.0.9 port 9",
    "set server tg_web/{a} check-port 9",
    *([] if IS_34 else ["set server tg_web/{a} check-addr 127.0.0.9"]),  # 3.4 takes no address there any more
    "disable health tg_web/{a}",
    "set server tg_web/{a} health down",
    "set maxconn server tg_web/{a} 1",
    "set server tg_web/{a} state maint; del server tg_web/{a}",
    "set server tg_web/{a} state maint; del server tg_web/{a}; set server tg_web_open/{a} state maint; del server tg_web_open/{a}",
    "add server tg_web/foreign 127.0.0.9:9; set server tg_web/foreign state ready",
    "add server tg_web_open/foreign 127.0.0.9:9; set server tg_web_open/foreign state ready",
    "experimental-mode on; set var proc.min_web int(9)",
    "experimental-mode on; set var proc.queue_web int(0)",
    "experimental-mode on; set var proc.sticky_web str(x)",
    "disable frontend ls_http",
    "set maxconn frontend ls_http 1",
    "set maxconn global 1",
]


def test_each_of_these_commands_is_undone_within_5_s(elbow: Start, targets: Targets, port: int) -> None:
    sticky = {"type": "lb_cookie", "duration": "1h"}
    lb = elbow(http(port, targets.many(2), stickiness=sticky, maxConnectionsPerTarget=5))
    name = min(name for backend, name in rows(lb) if backend == "tg_web")
    for command in COMMANDS:
        before = whole(lb)

        said = {line.strip() for line in lb.socket(command.format(a=name)).splitlines()}
        assert all(line in DONE or "changed from" in line for line in said), f"{command}: {said}"

        until(lambda before=before: whole(lb) == before, limit=5, say=command)
    assert lb.reloads() == {}


def test_a_listener_that_someone_shut_down_for_good_is_opened_by_a_reload(
    elbow: Start, targets: Targets, port: int
) -> None:
    lb = elbow(http(port, targets.many(1)))

    lb.socket("shutdown frontend ls_http")

    until(lambda: lb.reloads() == {"ListenerChanged": 1}, limit=10)
    assert get(port).status == 200
    assert "reloaded: ListenerChanged http (someone shut it down)" in lb.logs()


def test_a_worker_that_no_longer_says_what_it_runs_is_reloaded(elbow: Start, targets: Targets, port: int) -> None:
    lb = elbow(http(port, targets.many(1)))

    lb.socket("experimental-mode on; set var proc.elbow str(other)")

    until(lambda: lb.reloads() == {"ProxyChanged": 1}, limit=10)
    lb.wait_settled()


def test_work_in_flight_on_a_server_that_someone_took_out_goes_on(elbow: Start, targets: Targets, port: int) -> None:
    (a,) = targets.many(1)
    lb = elbow(load_balancer([listener(port)], [group([a])]))
    name = next(name for backend, name in rows(lb) if backend == "tg_web")
    with Client(port) as client:
        client.send(b"GET /hold HTTP/1.1\r\nHost: web\r\n\r\n")
        until(lambda: a.held)
        lb.socket(f"set server tg_web/{name} state maint")
        until(lambda: get(port).status == 200, limit=5)
        a.release()
        assert client.read().target == "a"


def test_a_target_whose_checks_someone_stopped_serves_alone_when_the_others_leave(
    elbow: Start, targets: Targets, port: int
) -> None:
    three = targets.many(3)
    lb = elbow(http(port, three))
    name = next(r.split()[3] for r in lb.socket("show servers state tg_web").splitlines() if f" {three[1].port} " in r)

    lb.socket(f"disable health tg_web/{name}")
    lb.apply(http(port, three[1:2]))

    assert [get(port).target for _ in range(5)] == ["b"] * 5
