"""Waits for a backfill: a live bar on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from plugins.commands.metadata import Counts, count, is_unreachable, settle

T = TypeVar("T")

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 300
"""How long the metadata database may be away before waiting ends."""


class Pace:
    """Windows a second and the seconds left, from the counts since waiting began."""

    def __init__(self, first: Counts, now: float) -> None:
        self._done = first.done
        self._began = now

    def tell(self, counts: Counts, now: float) -> str:
        """`12.0/min, 0:01:20 left`; empty as long as no window has ended."""
        ended, passed = counts.done - self._done, now - self._began
        if ended <= 0 or passed <= 0:
            return ""
        rate = ended / passed
        left = duration((counts.total - counts.done) / rate)
        return f"{rate * 60:.1f}/min" + (
            f", {left} left" if counts.done < counts.total else f", took {duration(passed)}"
        )


def duration(seconds: float) -> str:
    """H:MM:SS"""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def describe(counts: Counts) -> str:
    """`12/90 windows done, 4 running, 1 failed`"""
    text = f"{counts.done}/{counts.total} windows done, {counts.running} running, {counts.failed} failed"
    return f"{text}, on hold: the backfill or its DAG is paused" if counts.on_hold else text


def wait(console: Console, dag_id: str, backfill_id: int) -> Counts:
    """Until every run of the backfill has ended. Refused when the metadata database stays away."""
    counts = _patiently(count, backfill_id)
    pace = Pace(counts, time.monotonic())
    with _display(console, dag_id) as show:
        while True:
            show(counts, pace.tell(counts, time.monotonic()))
            if counts.done == counts.total and _patiently(settle, backfill_id):
                return counts
            time.sleep(POLL_SECONDS)
            counts = _patiently(count, backfill_id)


def _patiently(ask: Callable[[int], T], backfill_id: int) -> T:
    """The answer of the metadata database; one that restarts is waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask(backfill_id)
        except Exception as error:
            if not is_unreachable(error) or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


class _Lines:
    """A line for each change of what is done or failed, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = ""

    def __call__(self, counts: Counts, pace: str) -> None:
        key = f"{counts.done} {counts.total} {counts.failed} {counts.on_hold}"
        if key != self._shown:
            self._console.print(f"{describe(counts)}{', ' if pace else ''}{pace}")
        self._shown = key


class _Bar:
    """One bar that is drawn anew."""

    def __init__(self, bars: Progress, dag_id: str) -> None:
        self._bars = bars
        self._task = bars.add_task(dag_id, total=None, news="")

    def __call__(self, counts: Counts, pace: str) -> None:
        news = f"{describe(counts)}{', ' if pace else ''}{pace}"
        self._bars.update(self._task, total=counts.total or None, completed=counts.done, news=news)


@contextmanager
def _display(console: Console, dag_id: str) -> Iterator[_Lines | _Bar]:
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[news]}"))
    with Progress(*columns, console=console) as bars:
        yield _Bar(bars, dag_id)
