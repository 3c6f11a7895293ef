"""What a proxy tells of its usage, followed as the operator does."""

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection

from elbow_api.usage import Usage, UsageReport
from harness.elbow import Elbow


def usage_reports(admin: int, limit: float = 60) -> Iterator[UsageReport]:
    """Each as it comes, on one stream; ends with it, or after so many seconds of silence."""
    with closing(HTTPConnection("127.0.0.1", admin, timeout=limit)) as connection, suppress(OSError):
        connection.request("GET", "/report?watch")
        for line in connection.getresponse():
            if line.startswith(b'{"usage":'):
                yield UsageReport.model_validate(json.loads(line)["usage"])


def newest(lb: Elbow) -> UsageReport:
    """What it tells who begins to follow."""
    return next(usage_reports(lb.admin))


def usage(lb: Elbow) -> Usage:
    """The sums of the newest."""
    return newest(lb).usage
