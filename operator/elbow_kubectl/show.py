"""What is printed: tables for people, JSON and YAML for programs."""

import json
import re
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

Row = Sequence[object]
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?(ms|s|K|M|G|%)?")
STYLES = {
    "healthy": "green",
    "unhealthy": "bold red",
    "unhealthy.draining": "red",
    "initial": "cyan",
    "draining": "yellow",
    "unavailable": "magenta",
    "unused": "dim",
    "active": "green",
    "impaired": "bold red",
    "shifted": "yellow",
    "pending": "cyan",
    "provisioned": "green",
    "failed": "bold red",
    "ended": "dim",
    "True": "green",
    "False": "bold red",
}
"""How words of ELB and Kubernetes look on a terminal."""


def document(value: Any, output: str) -> None:
    """Print for programs; `output` is json or yaml."""
    if output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=120), nl=False)
    else:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(columns: Sequence[str], rows: Sequence[Row], *, none: str = "") -> None:
    """Print a table: coloured and folded to its width on a terminal, plain columns elsewhere; `none` where it is empty."""
    if not rows and none:
        click.echo(none, err=True)
        return
    if not sys.stdout.isatty():
        sys.stdout.writelines(f"{line}\n" for line in plain(columns, rows))
        return
    from rich.console import Console

    Console(highlight=False, width=shutil.get_terminal_size().columns).print(coloured(columns, rows))


def coloured(columns: Sequence[str], rows: Sequence[Row]) -> Any:
    """The table for a terminal of any width: a cell that is too long goes on in its next line."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, right in zip(columns, _numeric(rows, len(columns)), strict=True):
        drawn.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(text(cell), style=STYLES.get(text(cell), "")) for cell in row))
    return drawn


def plain(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The table's lines, columns two spaces apart, numbers on the right."""
    cells = [list(columns), *([text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    numeric = _numeric(rows, len(columns))
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]


def text(cell: object) -> str:
    """A cell as it is shown; nothing is a dash."""
    if cell is None or cell == "":
        return "-"
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def age(since: str | None, now: datetime) -> str:
    """How long ago a time of Kubernetes was, in its largest unit: 12s, 3m, 2h, 5d."""
    if not since:
        return "-"
    seconds = (now - datetime.fromisoformat(since)).total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds / size)}{unit}"
    return f"{max(0, int(seconds))}s"


def _numeric(rows: Sequence[Row], count: int) -> list[bool]:
    """Which columns hold numbers, with or without a unit."""
    return [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(count)]


def _is_number(cell: object) -> bool:
    return cell is None or isinstance(cell, int | float) or bool(_NUMBER.fullmatch(str(cell)))
