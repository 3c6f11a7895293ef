"""Why a condition is as it is: the closed list."""

from enum import StrEnum


class Reason(StrEnum):
    """Reasons of conditions and Events."""

    ACCEPTED = "Accepted"
    INVALID = "Invalid"
    """The spec can't be accepted; the last good one runs on."""
    NO_ZONES = "NoZones"
    """No zone has a ready node."""
    PROGRAMMED = "Programmed"
    PROXIES_PENDING = "ProxiesPending"
    """Proxies are starting, or don't run this generation yet."""
    READY = "Ready"
    ADDRESS_PENDING = "AddressPending"
    """No zone has an address yet."""
    LISTENER_NOT_READY = "ListenerNotReady"
    """A listener can't serve: a certificate is missing, or its target group has no targets."""
    RECONCILED = "Reconciled"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    NOT_STALLED = "NotStalled"
    SERVING = "Serving"
    CERTIFICATE_MISSING = "CertificateMissing"
    TARGETS_MISSING = "TargetsMissing"
    RESOLVED = "ResolvedRefs"
