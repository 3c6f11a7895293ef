"""The load balancers that run on this machine, found by their run directories, and what each reports."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from elbow_api.proxy_report import ProxyReport

from elbow_dataplane.cli.place import Unfit, run_directory

_PATIENCE = 3.0
"""Seconds an agent has for its answer."""
WAY_OUT = "start one with `elbow run FILE`, or name a running one's admin port by --admin ADDRESS:PORT"


@dataclass(frozen=True)
class Silent:
    """An agent that is there but can't report; why, and where."""

    where: str
    why: str


def reports(admins: tuple[str, ...]) -> tuple[list[ProxyReport], list[Silent]]:
    """What the agents named, or else all found on this machine, report; raises Unfit when there are none."""
    if admins:
        answers = [ask(admin) or Silent(admin, "nothing listens there") for admin in admins]
    else:
        answers = [answer for admin in _found() if (answer := ask(admin)) is not None]
    good = sorted((a for a in answers if isinstance(a, ProxyReport)), key=lambda r: (r.namespace, r.name, r.zone or ""))
    silent = [a for a in answers if isinstance(a, Silent)]
    if not good:
        why = "".join(f"{s.where}: {s.why}\n" for s in silent)
        raise Unfit(f"{why}no load balancer runs here: {WAY_OUT}")
    return good, silent


def ask(admin: str) -> ProxyReport | Silent | None:
    """An agent's report by its admin port, `ADDRESS:PORT`; None where nothing listens."""
    host, _, port = admin.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise Unfit(f"{admin}: not an admin port; write it as ADDRESS:PORT, like 127.0.0.1:9900")
    connection = HTTPConnection(host.strip("[]") or "127.0.0.1", int(port), timeout=_PATIENCE)
    try:
        connection.request("GET", "/report")
        response = connection.getresponse()
        body = response.read()
    except ConnectionRefusedError:
        return None
    except (OSError, HTTPException) as error:
        return Silent(admin, f"doesn't answer ({error or type(error).__name__})")
    finally:
        connection.close()
    return _report(admin, response.status, body)


def _report(admin: str, status: int, body: bytes) -> ProxyReport | Silent:
    if status == 503:
        return Silent(admin, f"has accepted no manifest yet {body.decode(errors='replace').strip()}".strip())
    try:
        document = json.loads(body)
        return ProxyReport.model_validate(
            {"zone": None, "haproxy": None, **document}
        )  # an agent leaves out what is none
    except (ValueError, TypeError):
        return Silent(admin, "what answers there isn't this version's elbow")


def _found() -> Iterator[str]:
    base = run_directory("any", "any", None).parent
    for file in sorted(base.glob("*/admin")):
        if text := _read(file):
            yield text


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
