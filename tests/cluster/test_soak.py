"""Nothing is dropped: two of scripts/soak's scenarios, briefly; `scripts/soak --ci` and docs/reliability.md have more."""

import os
import subprocess
import sys

import pytest
from harness.kube import ROOT


@pytest.mark.timeout(400)
def test_no_client_notices_that_proxies_are_replaced_or_lose_their_agents(elbow: None) -> None:
    chosen = ["proxy-rollout", "agent-kill", "--rate", "60", "--requests", "800", "--namespace", f"soak-{os.getpid()}"]
    done = subprocess.run(
        [sys.executable, "-m", "soak", *chosen],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
