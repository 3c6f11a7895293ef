"""Strings a user may write, each with the pattern that keeps it harmless wherever it is used."""

import ipaddress
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

# A scope, as in fe80::1%eth0, is free text to Python.
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_CIDR = re.compile(r"[0-9A-Fa-f:.]{2,45}/(0|[1-9][0-9]{0,2})")
_HOST = r"[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def _ip(value: str) -> str:
    try:
        address = ipaddress.ip_address(value if _ADDRESS.fullmatch(value) else "")
    except ValueError:
        raise PydanticCustomError("ip", "not an IPv4 or IPv6 address") from None
    if address.is_unspecified or address.is_multicast or address == _BROADCAST:
        raise PydanticCustomError("ip", "an unspecified, multicast or broadcast address can't be a target")
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_link_local:
            raise PydanticCustomError("ip", "an IPv6 address of one link only can't be a target")
        if address.ipv4_mapped is not None or (address in _COMPATIBLE and not address.is_loopback):
            raise PydanticCustomError("ip", "not an IPv4 or IPv6 address; write IPv4 without ::")
    if str(address) != value:
        raise PydanticCustomError("ip", "write it in its one short form, as {short}", {"short": str(address)})
    return value


def _cidr(value: str) -> str:
    try:
        network = ipaddress.ip_network(value if _CIDR.fullmatch(value) else "", strict=False)
    except ValueError:
        raise PydanticCustomError("cidr", "not a CIDR such as 10.0.0.0/8 or 2001:db8::/32") from None
    if isinstance(network, ipaddress.IPv6Network) and ipaddress.IPv6Address(value.partition("/")[0]).ipv4_mapped:
        raise PydanticCustomError("cidr", "not a CIDR such as 10.0.0.0/8 or 2001:db8::/32; write IPv4 without ::")
    return str(network)


def _time(value: str) -> str:
    try:
        datetime.fromisoformat(value if _TIME.fullmatch(value) else "")
    except ValueError:
        raise PydanticCustomError("time", "not a time such as 2026-01-31T18:00:00Z") from None
    return value


def pattern(regex: str, say: str, *, most: int) -> Callable[[str], str]:
    """Check a string against a whole-string pattern and say in words what is expected."""
    compiled = re.compile(regex)

    def check(value: str) -> str:
        if len(value) > most:
            raise PydanticCustomError("too_long", "longer than {most} characters", {"most": most})
        if not compiled.fullmatch(value):
            raise PydanticCustomError("pattern", "{say}", {"say": say})
        return value

    return check


def _strings_only(value: Any) -> Any:
    if not isinstance(value, str):
        raise PydanticCustomError("string", "not a string; put it in quotes")
    return value


Text = Annotated[str, BeforeValidator(_strings_only)]
DnsLabel = Annotated[
    Text,
    AfterValidator(
        pattern(
            r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
            "not a DNS label: lower-case letters, digits and -, at most 63",
            most=63,
        )
    ),
    Field(json_schema_extra={"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}),
]
DnsName = Annotated[
    Text,
    AfterValidator(
        pattern(
            _HOST,
            "not a host name such as app.example.com",
            most=253,
        )
    ),
    Field(json_schema_extra={"pattern": f"^{_HOST}$", "maxLength": 253}),
]
PortName = Annotated[
    Text,
    AfterValidator(
        pattern(
            r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?",
            "not the name of a port: at most 15 lower-case letters, digits and -",
            most=15,
        )
    ),
    Field(json_schema_extra={"pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 15}),
]
ZoneName = Annotated[
    Text,
    AfterValidator(
        pattern(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", "not a zone name as node labels have it", most=63)
    ),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", "maxLength": 63}),
]
HostHeader = Annotated[
    Text,
    AfterValidator(
        pattern(
            r"[A-Za-z0-9\[]([-A-Za-z0-9.:_\[\]]*[A-Za-z0-9\]])?",
            "not a Host header: a name or address, with or without :port",
            most=255,
        )
    ),
    Field(json_schema_extra={"pattern": "^[A-Za-z0-9\\[]([-A-Za-z0-9.:_\\[\\]]*[A-Za-z0-9\\]])?$", "maxLength": 255}),
]
UrlPath = Annotated[
    Text,
    AfterValidator(pattern(r"/[!-~]*", "not a path: it starts with / and holds visible ASCII only", most=1024)),
    Field(json_schema_extra={"pattern": "^/[!-~]*$", "maxLength": 1024}),
]
# HAProxy skips cookies whose names begin with $, as RFC 2965 had it.
CookieName = Annotated[
    Text,
    AfterValidator(
        pattern(
            r"[!#%&'*+\-.^_`|~0-9A-Za-z][!#$%&'*+\-.^_`|~0-9A-Za-z]*",
            "not a cookie name: letters, digits and !#$%&'*+-.^_`|~, not beginning with $",
            most=256,
        )
    ),
    Field(
        json_schema_extra={
            "pattern": "^[!#%&'*+\\-.^_`|~0-9A-Za-z][!#$%&'*+\\-.^_`|~0-9A-Za-z]*$",
            "maxLength": 256,
        }
    ),
]
FilePath = Annotated[
    Text,
    AfterValidator(pattern(r"[^\x00-\x1f\x7f\ud800-\udfff]+", "not a file path", most=1024)),
    Field(json_schema_extra={"maxLength": 1024}),
]
IpAddress = Annotated[Text, AfterValidator(_ip), Field(json_schema_extra={"maxLength": 45})]
Cidr = Annotated[Text, AfterValidator(_cidr), Field(json_schema_extra={"maxLength": 49})]
Time = Annotated[
    Text,
    AfterValidator(_time),
    Field(json_schema_extra={"pattern": f"^{_TIME.pattern}$", "maxLength": 40, "format": "date-time"}),
]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
