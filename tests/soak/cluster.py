"""What is done to the cluster itself, by scripts/cluster and in its nodes' network."""

import io
import json
import os
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

from elbow_kube.object import Object
from harness.kube import ROOT, run

from soak.clients import memory_group, process_of

_CLUSTER = str(ROOT / "scripts" / "cluster")
_NAME = os.environ.get("ELBOW_CLUSTER") or "elbow"
_ETCD = "http://127.0.0.1:2379"
_HOOKS = ("prerouting", "output")


def load_as(image: str) -> None:
    """Load Elbow's image into the nodes under another name as well."""
    cache = Path(os.environ.get("ELBOW_CACHE") or Path.home() / ".cache" / "elbow")
    with tempfile.TemporaryDirectory() as directory:
        named = Path(directory) / "named.tar"
        with tarfile.open(cache / "images" / "elbow.tar") as old, tarfile.open(named, "w") as new:
            for entry in old:
                content = old.extractfile(entry)
                if entry.name == "manifest.json" and content:
                    manifest = json.dumps([{**one, "RepoTags": [image]} for one in json.load(content)]).encode()
                    entry.size, content = len(manifest), io.BytesIO(manifest)
                new.addfile(entry, content)
        run(_CLUSTER, "load", str(named), limit=240)


def kill_node(name: str) -> None:
    """The power of a node is gone."""
    run(_CLUSTER, "kill-node", name)


def start_node(name: str) -> None:
    """And is back."""
    run(_CLUSTER, "start-node", name, limit=240)


def stop_api() -> None:
    """The API server dies."""
    run(_CLUSTER, "stop-api")


def start_api() -> None:
    """And is back; no error if it never went."""
    run(_CLUSTER, "start-api", limit=120)


def compact() -> None:
    """Have etcd forget everything but the newest of each object: watches that are behind must begin anew."""
    status = _etcd("/v3/maintenance/status", {})
    try:
        _etcd("/v3/kv/compaction", {"revision": status["header"]["revision"], "physical": True})
    except HTTPError as error:
        if b"has been compacted" not in error.read():  # nothing was written since it was done last
            raise


@contextmanager
def parted(node: str, addresses: Sequence[str]) -> Iterator[None]:
    """A node drops everything from and to these addresses."""
    rules = "".join(
        f"{'ip6' if ':' in address else 'ip'} {way} {address} drop;"
        for address in addresses
        for way in ("saddr", "daddr")
    )
    with _dropping(f"/run/netns/{_NAME}-{node}", rules):
        yield


@contextmanager
def mute(pod: Object) -> Iterator[None]:
    """A pod's network is gone without a word, but for its own node, whose probes still see it."""
    node = pod["status"]["podIP"].rsplit(".", 1)[0] + ".1"
    rules = f"ip saddr {node} accept; ip daddr {node} accept; drop;"
    with _dropping(f"/proc/{process_of(pod['metadata']['uid'])}/ns/net", rules):
        yield


@contextmanager
def _dropping(network: str, rules: str) -> Iterator[None]:
    nft = ("nsenter", f"--net={network}", "nft")
    chains = "".join(f"chain {hook} {{ type filter hook {hook} priority -300; {rules} }}\n" for hook in _HOOKS)
    run(*nft, f"table inet soak {{\n{chains}}}")
    try:
        yield
    finally:
        run(*nft, "delete", "table", "inet", "soak")


def exhaust(pod: Object, name: str) -> None:
    """Use up the memory of the container in which a process of that name runs, so that the kernel kills it."""
    victim = process_of(pod["metadata"]["uid"], name)
    run(sys.executable, "-c", _HOG, str(memory_group(victim) / "cgroup.procs"), str(victim), limit=60)


_HOG = """
import os, sys, time
open("/proc/self/oom_score_adj", "w").write("-1000")
open(sys.argv[1], "w").write(str(os.getpid()))
held = []
while os.path.exists("/proc/" + sys.argv[2]) and len(held) < 400:
    held.append(b"x" * (1 << 20))
    time.sleep(0.002)
"""


def _etcd(path: str, body: dict[str, object]) -> dict[str, dict[str, str]]:
    request = urllib.request.Request(_ETCD + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, dict[str, str]] = json.load(response)
    return answer
