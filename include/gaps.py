"""Gaps: what is not loaded of what catchup should have loaded by now, what was loaded before and is gone, and what fills it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.table import Table

from include.command import triggering, typed
from include.errors import BadWindow, WarehouseError
from include.progress import new_console
from include.settings import Settings
from include.sources import SOURCES
from include.warehouse import Connection, now_of, run
from include.windows import Window, interval, last_interval, longest_interval

MOST_LINES = 50

GONE = "gone"
"""The state of what was loaded before DW_START_DATE and is not there any more."""


@dataclass(frozen=True)
class Catchup:
    """From when on a source is to be complete; its windows are the intervals of the schedule (cron, UTC)."""

    source: str
    start: datetime
    schedule: str

    def due(self, now: datetime) -> Window | None:
        """From the start to the end of the last complete interval, in what the source can observe; None before there is one."""
        window = Window(self.start, last_interval(self.schedule, now).end)
        try:
            return SOURCES[self.source].observable(window, now)
        except BadWindow:
            return None


@dataclass(frozen=True)
class Gap:
    """A span that is not loaded of the places or pages `subjects`; `followed` is how many there are.

    `state` is missing, failed or quarantined, as in audit.coverage, or GONE.
    """

    source: str
    window: Window
    state: str
    subjects: tuple[str, ...]
    followed: int
    load_id: int | None
    error: str | None


def note_catchup(connection: Connection, settings: Settings) -> None:
    """Notes in the warehouse what the settings ask catchup to fill, and how often it and the marts are brought up to date."""
    now = now_of(connection)
    marts_seconds = longest_interval(settings.marts_schedule, now).total_seconds()
    run(connection, "ops/forget_catchups.sql", {"sources": list(settings.sources)})
    for source, chosen in settings.sources.items():
        parameters = {
            "source": source,
            "start_date": settings.start_date,
            "schedule": chosen.schedule,
            "interval_seconds": longest_interval(chosen.schedule, now).total_seconds(),
        }
        run(connection, "ops/note_catchup.sql", parameters)
        for mart in SOURCES[source].marts:
            noted = {"mart": mart.name, "source": source, "interval_seconds": marts_seconds}
            run(connection, "ops/note_mart.sql", noted)


def read_catchup(connection: Connection) -> list[Catchup]:
    """What the warehouse was last told of the sources that there are; raises WarehouseError when it never was."""
    noted = [Catchup(*row) for row in run(connection, "ops/catchup.sql")]
    if found := [catchup for catchup in noted if catchup.source in SOURCES]:
        return found
    raise WarehouseError(f"audit.catchup is empty: run `{typed('python -m include migrate')}`")


def find_gaps(connection: Connection, catchups: Iterable[Catchup], now: datetime) -> list[Gap]:
    """The gaps in what is due, by source and time, and before them what is gone."""
    due = {catchup.source: window.end for catchup in catchups if (window := catchup.due(now))}
    parameters = {"sources": list(due), "due_ends": list(due.values())}
    gone = [
        Gap(source, Window(start, end), GONE, tuple(subjects), followed, None, None)
        for source, start, end, subjects, followed in run(connection, "ops/gone.sql")
    ]
    lacking = [
        Gap(source, Window(start, end), state, tuple(subjects), followed, load_id, error)
        for source, start, end, state, subjects, followed, load_id, error in run(connection, "ops/gaps.sql", parameters)
    ]
    return sorted([*gone, *lacking], key=lambda gap: gap.source)


def commands(gaps: Iterable[Gap], schedules: Mapping[str, str]) -> list[str]:
    """What to type to fill the gaps: one backfill for each row of consecutive intervals that a gap touches.

    Before DW_START_DATE it is a run of just the window: Airflow gives a run of a backfill no tasks there. Quarantined hours have
    no command: they come back the same until the service has corrected them.
    """
    gone: dict[str, list[Window]] = {}
    touched: dict[str, list[Window]] = {}
    for gap in gaps:
        if gap.state == GONE:
            gone.setdefault(gap.source, []).append(gap.window)
        elif gap.state != "quarantined":
            touched.setdefault(gap.source, []).append(_intervals(gap, schedules[gap.source]))
    runs = [triggering(source, window) for source, windows in gone.items() for window in joined(windows)]
    backfills = [
        _command(source, schedules[source], window) for source, windows in touched.items() for window in joined(windows)
    ]
    return runs + backfills


def _intervals(gap: Gap, schedule: str) -> Window:
    """The intervals that the gap touches, from the start of the first to the end of the last."""
    last = gap.window.end - SOURCES[gap.source].step
    return Window(interval(schedule, gap.window.start).start, interval(schedule, last).end)


def joined(windows: Iterable[Window]) -> list[Window]:
    """The windows in order, those that overlap or touch made one."""
    result: list[Window] = []
    for window in sorted(windows, key=lambda window: window.start):
        if result and window.start <= result[-1].end:
            result[-1] = Window(result[-1].start, max(result[-1].end, window.end))
        else:
            result.append(window)
    return result


def _command(source: str, schedule: str, window: Window) -> str:
    # Moments, since a date as the last would be its whole day.
    first, last = window.start, interval(schedule, window.end - timedelta(seconds=1)).start
    # A window whose run succeeded is left alone without --reset-dagruns, and its run keeps its conf, such as a list of places,
    # without another one.
    span = f"-s {first.isoformat()} -e {last.isoformat()}"
    return typed(f"airflow dags backfill {source} {span} -c '{{}}' --reset-dagruns --yes")


def show(connection: Connection, now: datetime) -> bool:
    """Prints the gaps and what fills them to standard output; returns whether there are any."""
    console = new_console()
    catchups = read_catchup(connection)
    gaps = find_gaps(connection, catchups, now)
    if not gaps:
        for catchup in catchups:
            due = catchup.due(now)
            console.print(f"{catchup.source}: {f'no gap in {due}' if due else 'nothing is due yet'}")
        return False
    console.print(_table(gaps[:MOST_LINES]))
    if len(gaps) > MOST_LINES:
        console.print(f"… and {len(gaps) - MOST_LINES} more: SELECT * FROM audit.coverage WHERE state <> 'loaded'")
    if any(gap.state == "quarantined" for gap in gaps):
        console.print(
            "\nQuarantined hours were outside the limits of the audit. Loading them again helps only once the service has "
            "corrected them: see audit.quarantine.",
            soft_wrap=True,
        )
    if lines := commands(gaps, {catchup.source: catchup.schedule for catchup in catchups}):
        console.print("\nTo fill them:", *lines, sep="\n", soft_wrap=True)
    return True


def _table(gaps: Sequence[Gap]) -> Table:
    table = Table("source", "of", "window", "length", "state", box=None, pad_edge=False)
    table.add_column("why", no_wrap=True, overflow="ellipsis")
    for gap in gaps:
        why = f"load {gap.load_id}: {(gap.error or '').partition(chr(10))[0]}" if gap.load_id else ""
        table.add_row(gap.source, _subjects(gap), str(gap.window), _length(gap.window), gap.state, why)
    return table


def _subjects(gap: Gap) -> str:
    count = len(gap.subjects)
    if 1 < count == gap.followed:
        return f"all {count} {SOURCES[gap.source].subjects.name}"
    return ", ".join(gap.subjects[:3]) + (f" and {count - 3} more" if count > 3 else "")


def _length(window: Window) -> str:
    number, unit = (window.hours, "hour") if window.hours < 48 else (window.hours / 24, "day")
    return f"{number:.4g} {unit}{'' if number == 1 else 's'}"
