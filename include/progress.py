"""How far something is that a command waits for, on a terminal and elsewhere."""

import sys
import time
from dataclasses import dataclass
from types import TracebackType

from rich import progress
from rich.console import Console

NARROWEST = 160
"""Columns where the output is not a terminal: rich would fold a table to 80."""


def new_console() -> Console:
    """Standard output, for text that is shown as it is."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else NARROWEST)


@dataclass(frozen=True)
class Counts:
    """The parts of what is waited for: all of them, and those that have ended, run now, or have ended and failed."""

    total: int
    done: int
    running: int
    failed: int


class Pace:
    """Parts a minute and the time left, from the counts since waiting began."""

    def __init__(self, first: Counts, now: float) -> None:
        self._done = first.done
        self._began = now

    def tell(self, counts: Counts, now: float) -> str:
        """`12.0/min, 0:01:20 left`; empty as long as no part has ended."""
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


class Progress:
    """One or several things that are waited for: a live bar each on a terminal, elsewhere a line when more is done or failed.

    `unit` is what their parts are, such as windows.
    """

    def __init__(self, console: Console, unit: str) -> None:
        self._console = console
        self._unit = unit
        self._bars = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=20),
            progress.TextColumn("{task.fields[news]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, progress.TaskID] = {}
        self._paces: dict[str, Pace] = {}
        self._shown: dict[str, object] = {}

    def __enter__(self) -> "Progress":
        self._bars.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.__exit__(kind, error, trace)

    def show(self, name: str, counts: Counts, note: str = "") -> None:
        """Shows how far the thing of this name is; a note says what is special about it now."""
        now = time.monotonic()
        pace = self._paces.setdefault(name, Pace(counts, now)).tell(counts, now)
        news = ", ".join(part for part in (self._describe(counts), note, pace) if part)
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, news="")
        self._bars.update(self._tasks[name], total=counts.total or None, completed=counts.done, news=news)
        change = (counts.total, counts.done, counts.failed, note)
        if not self._console.is_terminal and self._shown.get(name) != change:
            self._console.print(f"{name}: {news}", markup=False, soft_wrap=True)
        self._shown[name] = change

    def _describe(self, counts: Counts) -> str:
        """`12/90 windows done, 4 running, 1 failed`"""
        return f"{counts.done}/{counts.total} {self._unit} done, {counts.running} running, {counts.failed} failed"
