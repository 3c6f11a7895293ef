"""Images: the pause image that holds a pod's namespaces, and loading archives into nodes."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from pathlib import Path

from elbow_cluster.layout import Layout
from elbow_cluster.process import in_node, run

PAUSE = "localhost/pause:1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def load(layout: Layout, init: int, archives: Sequence[Path]) -> None:
    """Loads docker-archives and oci-archives into the node whose first process is init."""
    for archive in archives:
        run(*in_node(init, layout.bin / "ctr", "--namespace=k8s.io", "images", "import", "--digests=false", archive))


def pause(layout: Layout) -> Path:
    """The archive of the pause image: one layer, one file, Kubernetes' own pause program."""
    archive = layout.home / "pause.tar"
    if not archive.exists():
        partial = archive.with_suffix(".partial")
        partial.write_bytes(_archive_of((layout.bin / "pause").read_bytes()))
        partial.rename(archive)
    return archive


def _archive_of(program: bytes) -> bytes:
    layer = _tar({"pause": program})
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
    files = {
        "layer.tar": layer,
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
    }
    return _tar(files)


def _tar(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return output.getvalue()
