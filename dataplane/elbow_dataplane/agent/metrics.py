"""Prometheus metrics under names that say the ELB metric they are."""

from elbow_dataplane.agent.agent import Agent


def exposition(agent: Agent) -> bytes:
    """The metrics page."""
    del agent
    return b""
