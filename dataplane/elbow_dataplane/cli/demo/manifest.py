"""The demo's manifest, and the edits a user would make in it."""

import re

from elbow_dataplane.cli.demo.home import DELAY, INTERVAL, TARGETS, Home, Target

_DRAINED = "# deregistered: "


def manifest(home: Home) -> str:
    """The manifest as the demo begins."""
    ports = home.ports
    return f"""\
# The demo's load balancer. Edit it while the demo runs: changes apply at once.
apiVersion: elbow.dev/v1alpha1
kind: LoadBalancer
metadata:
  name: {home.run.name.removeprefix("default.")}
spec:
  listeners:
    - name: http
      port: {ports.http}
      protocol: HTTP
      targetGroup: web
    - name: https
      port: {ports.https}
      protocol: HTTPS
      targetGroup: web
      tls:
        certificates:
          - file: {home.certificate.name}
            key: {home.key.name}
    - name: tcp
      port: {ports.tcp}
      protocol: TCP
      targetGroup: echo
  targetGroups:
    - name: web
      protocol: HTTP
      deregistrationDelay: {DELAY}s
      healthCheck: {{path: /healthz, interval: {INTERVAL}s, healthyThreshold: 2, unhealthyThreshold: 2}}
      targets:
        addresses:
{_addresses(ports.target_http)}
    - name: echo
      protocol: TCP
      deregistrationDelay: {DELAY}s
      healthCheck: {{path: /healthz, interval: {INTERVAL}s, healthyThreshold: 2, unhealthyThreshold: 2, protocol: HTTP, port: {ports.target_http}}}
      targets:
        addresses:
{_addresses(ports.target_tcp)}
"""


def deregistered(text: str, target: Target) -> str:
    """The manifest without a target: its lines become comments."""
    return re.sub(rf"^( *)(- {_named(target)})", rf"\1{_DRAINED}\2", text, flags=re.MULTILINE)


def registered(text: str, target: Target) -> str:
    """The manifest with a target again."""
    return re.sub(rf"^( *){_DRAINED}(- {_named(target)})", r"\1\2", text, flags=re.MULTILINE)


def is_registered(text: str, target: Target) -> bool:
    """Whether a manifest names a target."""
    return re.search(rf"^ *- {_named(target)}", text, flags=re.MULTILINE) is not None


def _named(target: Target) -> str:
    return rf"\{{ip: {re.escape(target.address)},"


def _addresses(port: int) -> str:
    return "\n".join(f"          - {{ip: {t.address}, port: {port}, zone: {t.zone}}} # {t.name}" for t in TARGETS)
