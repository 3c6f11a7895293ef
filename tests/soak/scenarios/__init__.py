"""All the scenarios, in the order in which they play."""

from soak.scenarios import abuse, control, losses, proxies, targets

SCENARIOS = (
    *targets.SCENARIOS,
    *proxies.SCENARIOS,
    *control.SCENARIOS,
    *abuse.SCENARIOS,
    *losses.SCENARIOS,
)
