"""The agent that drives HAProxy: model < haproxy < sources < agent < cli, each importing only what stands before it."""
