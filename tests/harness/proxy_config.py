"""The configuration of a proxy with one target group, for tests of pure functions."""

from typing import Any

from elbow_api.proxy_config import ProxyConfig, Zone


def config(
    delay: str = "10s",
    *,
    zones: tuple[Zone, ...] = (),
    enabled: list[str] | None = None,
    group: dict[str, Any] | None = None,
    **spec: Any,
) -> ProxyConfig:
    """One HTTP listener over the group `web`; `group` changes that, `spec` what surrounds it."""
    return ProxyConfig.model_validate(
        {
            "name": "web",
            "namespace": "default",
            "generation": 1,
            "zones": zones,
            "spec": {
                "listeners": [{"name": "http", "port": 80, "protocol": "HTTP", "targetGroup": "web"}],
                "targetGroups": [
                    {
                        "name": "web",
                        "protocol": "HTTP",
                        "targets": {"addresses": []},
                        "deregistrationDelay": delay,
                        **(group or {}),
                    }
                ],
                "zones": enabled,
                **spec,
            },
        }
    )
