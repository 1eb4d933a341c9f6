"""The demo's tables, its plot and its progress display."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from types import TracebackType
from typing import Any

from rich import progress
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from local import marts
from local.console import out

MOST_ROWS = 12
MOST_LINES = 6
BLOCKS = "▁▂▃▄▅▆▇█"


class Progress:
    """Tasks done, running and failed of several DAG runs: bars on a terminal, a line for each change elsewhere."""

    def __init__(self) -> None:
        self._bars = progress.Progress(
            progress.TextColumn("  {task.description:<10}"),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[news]}"),
            progress.TimeElapsedColumn(),
            console=out,
            disable=not out.is_terminal,
        )
        self._tasks: dict[str, progress.TaskID] = {}
        self._news: dict[str, str] = {}

    def __enter__(self) -> "Progress":
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    def update(self, name: str, total: int, done: int, running: int, failed: int) -> None:
        """Shows the counts of one run."""
        news = f"{done}/{total} tasks done, {running} running" + (f", [red]{failed} failed[/]" if failed else "")
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, news="")
        self._bars.update(self._tasks[name], total=total or None, completed=done, news=news)
        if not out.is_terminal and self._news.get(name) != news:
            out.print(f"  {name:<10} {news}")
        self._news[name] = news


def show(address: str, first: date, end: date) -> None:
    """Prints both marts, a plot and the row counts of the layers."""
    weather = marts.rows(address, marts.WEATHER, first, end)
    out.print(weather_table(weather, first, end))
    if weather:
        out.print(Text(temperature_plot(weather, first, end)))
    out.print(wikipedia_table(marts.rows(address, marts.WIKIPEDIA, first, end), first))
    counts = plain_table("Rows in the warehouse")
    for name in ("layer", "table", "rows"):
        counts.add_column(name)
    for layer, table, number in marts.layer_counts(address):
        counts.add_row(layer, table, f"{number:,}")
    counts.columns[2].justify = "right"
    out.print(counts)


def plain_table(title: str) -> Table:
    """Fits a terminal of 80 columns."""
    return Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))


def weather_table(rows: Sequence[dict[str, Any]], first: date, end: date) -> Table:
    """One line a place."""
    table = plain_table(f"mart.daily_weather_aggregates, {first} to {end} (exclusive)")
    table.add_column("place", no_wrap=True)
    for name in ("days", "mean °C", "min", "max", "rain mm", "wind m/s"):
        table.add_column(name, justify="right")
    table.add_column("mostly")
    for row in rows[:MOST_ROWS]:
        figures = (row[name] for name in ("days", "mean", "coldest", "warmest", "rain", "wind"))
        table.add_row(Text(row["location_name"]), *(_text(figure) for figure in figures), row["conditions"] or "")
    table.caption = _more(rows)
    return table


def wikipedia_table(rows: Sequence[dict[str, Any]], first: date) -> Table:
    """One line a page that was edited."""
    table = plain_table(f"mart.daily_wikipedia_page_stats, since {first}: edited pages")
    table.add_column("page")
    table.add_column("wiki")
    for name in ("days", "revisions", "bytes changed", "last edit"):
        table.add_column(name, justify="right")
    for row in rows[:MOST_ROWS]:
        figures = (row[name] for name in ("days", "revisions", "bytes", "last_edit"))
        table.add_row(Text(row["page_title"]), row["page_language"], *(_text(figure) for figure in figures))
    table.caption = _more(rows)
    return table


def _text(figure: Any) -> str:
    if figure is None:
        return ""
    return f"{figure:,}" if isinstance(figure, int | Decimal) else str(figure)


def _more(rows: Sequence[object]) -> str | None:
    return f"and {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else None


def temperature_plot(rows: Sequence[dict[str, Any]], first: date, end: date) -> str:
    """Daily mean temperature of some places on one scale, a block a day."""
    chosen = [row for row in rows if any(value is not None for value in row["daily"])][:MOST_LINES]
    values = [value for row in chosen for value in row["daily"] if value is not None]
    if not values:
        return ""
    lowest, highest = min(values), max(values)
    width = max(len(row["location_name"]) for row in chosen)
    lines = [f"Daily mean temperature, {first} to {end} (▁ {lowest} °C, █ {highest} °C)"]
    for row in chosen:
        blocks = "".join(_block(value, lowest, highest) * 3 + " " for value in row["daily"])
        known = [value for value in row["daily"] if value is not None]
        lines.append(f"  {row['location_name']:<{width}}  {blocks} {min(known):>6} to {max(known)} °C")
    return "\n".join(lines) + "\n"


def _block(value: Decimal | None, lowest: Decimal, highest: Decimal) -> str:
    if value is None:
        return " "
    share = (value - lowest) / (highest - lowest) if highest > lowest else Decimal(0)
    return BLOCKS[min(len(BLOCKS) - 1, int(share * len(BLOCKS)))]
