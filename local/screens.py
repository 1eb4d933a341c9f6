"""The demo's tables and its plot."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from include.errors import legible
from include.summary import Summary
from local.console import out

MOST_ROWS = 12
MOST_LINES = 6
BLOCKS = "▁▂▃▄▅▆▇█"


def show(summaries: Sequence[Summary], counts: Mapping[str, int], first: date, end: date) -> None:
    """Prints a table for each source, what it has a figure a day of as a plot, and the row counts."""
    for summary in summaries:
        out.print(summary_table(summary, first, end))
        for number, title in enumerate(summary.columns):
            if plot := daily_plot(title, [(str(row[0]), row[number]) for row in summary.rows], first, end):
                out.print(Text(plot))
    table = plain_table("Rows in the warehouse")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, number in counts.items():
        table.add_row(name, f"{number:,}")
    out.print(table)


def plain_table(title: str) -> Table:
    """Fits a terminal of 80 columns."""
    return Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))


def summary_table(summary: Summary, first: date, end: date) -> Table:
    """One line a subject; what is a figure a day is not a column of it."""
    marts = ", ".join(f"mart.{mart.name}" for mart in summary.source.marts)
    table = plain_table(f"{marts}, {first} to {end} (exclusive)")
    shown = [
        number
        for number in range(len(summary.columns))
        if not any(isinstance(row[number], list) for row in summary.rows)
    ]
    for number in shown:
        is_number = any(isinstance(row[number], int | Decimal) for row in summary.rows)
        table.add_column(summary.columns[number], justify="right" if is_number else "left", no_wrap=number == 0)
    for row in summary.rows[:MOST_ROWS]:
        table.add_row(*(_text(row[number]) for number in shown))
    if len(summary.rows) > MOST_ROWS:
        table.caption = f"and {len(summary.rows) - MOST_ROWS} more"
    return table


def _text(value: Any) -> Text:
    if value is None:
        return Text("")
    return Text(f"{value:,}" if isinstance(value, int | Decimal) else legible(str(value)))


def daily_plot(title: str, series: Sequence[tuple[str, Any]], first: date, end: date) -> str:
    """Some subjects' figures of each day on one scale, a block a day; empty where these are not lists of figures."""
    chosen = [
        (legible(str(name)), figures)
        for name, figures in series
        if isinstance(figures, list) and set(figures) != {None}
    ]
    chosen = chosen[:MOST_LINES]
    known = [figure for _, figures in chosen for figure in figures if figure is not None]
    if not known:
        return ""
    lowest, highest = min(known), max(known)
    width = max(len(name) for name, _ in chosen)
    lines = [f"{title[0].upper()}{title[1:]}, {first} to {end} (▁ {lowest}, █ {highest})"]
    for name, figures in chosen:
        blocks = "".join(_block(figure, lowest, highest) * 3 + " " for figure in figures)
        own = [figure for figure in figures if figure is not None]
        lines.append(f"  {name:<{width}}  {blocks} {min(own):>6} to {max(own)}")
    return "\n".join(lines) + "\n"


def _block(value: Decimal | None, lowest: Decimal, highest: Decimal) -> str:
    if value is None:
        return " "
    share = (value - lowest) / (highest - lowest) if highest > lowest else Decimal(0)
    return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]
