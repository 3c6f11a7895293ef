"""Tables for people: coloured on a terminal, plain columns everywhere else."""

import sys
from collections.abc import Sequence

Row = Sequence[object]
STATE_STYLES = {
    "healthy": "green",
    "unhealthy": "bold red",
    "unhealthy.draining": "red",
    "initial": "cyan",
    "draining": "yellow",
    "unavailable": "magenta",
    "unused": "dim",
}


def show(columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a table; numbers stand on the right, None is a dash."""
    if sys.stdout.isatty():
        _show_coloured(columns, rows)
    else:
        sys.stdout.writelines(f"{line}\n" for line in plain(columns, rows))


def plain(columns: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The table's lines, columns two spaces apart."""
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
    """A cell as it is shown."""
    return "-" if cell is None or cell == "" else str(cell)


def age(seconds: float) -> str:
    """A span in its largest unit, whole: 12s, 3m, 2h, 5d."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds / size)}{unit}"
    return f"{max(0, int(seconds))}s"


def _numeric(rows: Sequence[Row], count: int) -> list[bool]:
    return [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(count)]


def _show_coloured(columns: Sequence[str], rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column, right in zip(columns, _numeric(rows, len(columns)), strict=True):
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(text(cell), style=STATE_STYLES.get(text(cell), "")) for cell in row))
    Console(highlight=False).print(table)
