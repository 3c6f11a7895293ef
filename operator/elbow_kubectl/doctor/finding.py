"""What a look at a load balancer found: the mistake, and the way out."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from elbow_kube.object import Object


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Clients get errors, or nothing."""
    WARNING = "warning"
    """It serves, and won't when the next thing goes wrong."""
    NOTE = "note"
    """Worth knowing."""


class Mistake(StrEnum):
    """What can be found: the closed list."""

    OPERATOR_MISSING = "OperatorMissing"
    OPERATOR_DOWN = "OperatorDown"
    OPERATOR_BEHIND = "OperatorBehind"
    NODES_WITHOUT_ZONE = "NodesWithoutZone"
    SPEC_REFUSED = "SpecRefused"
    OBJECT_REFUSED = "ObjectRefused"
    ADDRESS_PENDING = "AddressPending"
    DNS_UNPUBLISHED = "DnsUnpublished"
    PROXY_NOT_STARTING = "ProxyNotStarting"
    PROXY_OUT_OF_MEMORY = "ProxyOutOfMemory"
    PROXY_RESTARTS = "ProxyRestarts"
    PROXY_FAULT = "ProxyFault"
    PROXY_SILENT = "ProxySilent"
    PROXY_ALONE = "ProxyAlone"
    AUTOSCALER_INACTIVE = "AutoscalerInactive"
    CERTIFICATE_MISSING = "CertificateMissing"
    SERVICE_MISSING = "ServiceMissing"
    PORT_MISSING = "PortMissing"
    SERVICE_UNFIT = "ServiceUnfit"
    NO_TARGETS = "NoTargets"
    PODS_NOT_READY = "PodsNotReady"
    NO_HEALTHY_TARGETS = "NoHealthyTargets"
    CODE_MISMATCH = "CodeMismatch"
    CHECKS_TIME_OUT = "ChecksTimeOut"
    CHECKS_FAIL = "ChecksFail"
    NETWORK_POLICY = "NetworkPolicy"
    ZONE_IMPAIRED = "ZoneImpaired"
    ZONE_SHIFTED = "ZoneShifted"
    ZONE_WITHOUT_TARGETS = "ZoneWithoutTargets"
    ONE_ZONE = "OneZone"
    TARGET_ALONE = "TargetAlone"
    TAKEN_OUT = "TakenOut"
    ENDS_TOO_SOON = "EndsTooSoon"
    SPILLOVER = "Spillover"
    UNREADABLE = "Unreadable"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    severity: Severity
    mistake: Mistake
    about: str
    """What has it, such as `target group web`."""
    problem: str
    cure: str

    @property
    def document(self) -> Object:
        """For programs."""
        return {
            "severity": self.severity.value,
            "reason": self.mistake.value,
            "about": self.about,
            "problem": self.problem,
            "cure": self.cure,
        }


def error(mistake: Mistake, about: str, problem: str, cure: str) -> Finding:
    """Clients feel it."""
    return Finding(Severity.ERROR, mistake, about, problem, cure)


def warning(mistake: Mistake, about: str, problem: str, cure: str) -> Finding:
    """Clients will feel it when the next thing goes wrong."""
    return Finding(Severity.WARNING, mistake, about, problem, cure)


def note(mistake: Mistake, about: str, problem: str, cure: str) -> Finding:
    """Worth knowing."""
    return Finding(Severity.NOTE, mistake, about, problem, cure)


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """In the order they should be mended; the same thing said twice is said once."""
    order = list(Severity)
    return sorted(dict.fromkeys(found), key=lambda finding: order.index(finding.severity))


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
