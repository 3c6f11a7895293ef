"""A line of an access log in Classic's, ALB's or JSON form (ELB sections 10.4 and 10.5)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CLASSIC = (
    "time",
    "elb",
    "client",
    "target",
    "request_processing_time",
    "target_processing_time",
    "response_processing_time",
    "elb_status_code",
    "target_status_code",
    "received_bytes",
    "sent_bytes",
    "request",
    "user_agent",
    "ssl_cipher",
    "ssl_protocol",
)
"""Classic's fields, under ALB's names where ALB has them too (Classic: backend)."""
ALB = (
    "type",
    *CLASSIC,
    "target_group_arn",
    "trace_id",
    "domain_name",
    "chosen_cert_arn",
    "matched_rule_priority",
    "request_creation_time",
    "actions_executed",
    "redirect_url",
    "error_reason",
    "target_list",
    "target_status_code_list",
    "classification",
    "classification_reason",
    "conn_trace_id",
)
"""ALB's fields; more may follow, as ELB's users know."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_SYNONYMS = {"backend": "target", "backend_status_code": "target_status_code", "client:port": "client"}
_SYNONYMS |= {"target:port": "target", "backend:port": "target"}


@dataclass(frozen=True)
class LogLine:
    """One request or connection."""

    fields: Mapping[str, Any]
    """By ALB's names; numbers are still text, but in JSON form."""

    @property
    def time(self) -> str:
        """When it was written, ISO 8601."""
        return str(self.fields.get("time", ""))

    def code(self, name: str) -> int | None:
        """A status code; none where there is none."""
        text = str(self.fields.get(name, ""))
        return int(text) if text.isdecimal() else None

    @property
    def target(self) -> str:
        """The target as `IP:PORT`; `-` without one."""
        return str(self.fields.get("target") or "-")

    @property
    def path(self) -> str:
        """The path asked for, without its query; empty for a connection."""
        words = str(self.fields.get("request", "")).split(" ")
        if len(words) < 2 or "://" not in words[1]:
            return ""
        try:
            return urlsplit(words[1]).path or "/"
        except ValueError:
            return words[1]


def parse(text: str) -> LogLine | None:
    """A line that was read; none for one that isn't of an access log."""
    if text.startswith("{"):
        return _json(text)
    words = [str(quoted or plain) for quoted, plain in _TOKEN.findall(text)]
    if len(words) >= len(ALB) - 2 and _TIME.fullmatch(words[1]):
        return LogLine(dict(zip(ALB, words, strict=False)))
    if len(words) >= len(CLASSIC) and _TIME.fullmatch(words[0]):
        return LogLine(dict(zip(CLASSIC, words, strict=False)))
    return None


def _json(text: str) -> LogLine | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or "time" not in found:
        return None
    return LogLine({_SYNONYMS.get(str(key), str(key)): value for key, value in found.items()})
