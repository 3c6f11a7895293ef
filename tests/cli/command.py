"""Running elbow, and reading what it prints."""

import re
import subprocess
from typing import Any

from harness.elbow import PROGRAM


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run elbow to its end."""
    command = [str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


def printed(*arguments: object) -> str:
    """What elbow prints when all is well."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def table(text: str) -> list[dict[str, str]]:
    """A printed table's rows by column, read as a person does: a cell stands below the name of its column."""
    head, *lines = text.splitlines()
    names = re.findall(r"\S+(?: \S+)*", head)
    assert all(line == line.rstrip() for line in lines)
    return [dict(zip(names, re.split(r" {2,}", line.strip()), strict=True)) for line in lines]
