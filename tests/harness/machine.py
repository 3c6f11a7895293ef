"""The machine tests run on."""

import os


def slowness() -> float:
    """How much slower than an idle one this machine is now: what waits for a CPU, for each CPU."""
    return max(1.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
