"""The machine tests run on."""

import os


def slowness() -> float:
    """How much slower than an idle one it may be now: what waits for a CPU, for each CPU; 2 at least, for the load average tells of the last minute, not of this second."""
    return max(2.0, 2 * os.getloadavg()[0] / (os.cpu_count() or 1))
