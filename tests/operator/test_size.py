"""What an operator in a pod doesn't load."""

import subprocess
import sys


def test_the_kubernetes_package_is_loaded_for_a_kubeconfig_alone() -> None:
    program = (
        "import sys, elbow_operator.main; assert 'kubernetes' not in sys.modules; "
        "from kubernetes.aio import config; print(config.load_kube_config.__name__)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "load_kube_config\n"
