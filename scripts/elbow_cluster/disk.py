"""Where the cluster writes: a file system in memory. Four copies of every image would keep a real disk busy."""

import os

from elbow_cluster.layout import Layout
from elbow_cluster.process import run

SIZE = "75%"  # of the memory, at most; only what is written is taken


def create(layout: Layout) -> None:
    """Mounts it, empty."""
    layout.home.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", f"mode=700,size={SIZE}", f"{layout.name}-cluster", layout.home)


def remove(layout: Layout) -> None:
    """Unmounts it, which is the end of its files. No error when it is gone already."""
    if os.path.ismount(layout.home):
        run("umount", "--lazy", layout.home)  # lazy: somebody's shell may be in it
    if layout.home.exists():
        layout.home.rmdir()
