"""Alerts in words: what a run left out and what fetches just that, and what has become late. plugins/alerts.py sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from include.command import clearing, triggering
from include.doctor import checks
from include.doctor.finding import Finding
from include.doctor.seen import Fresh
from include.errors import legible
from include.loads import RunKey
from include.source import Batch, Source
from include.sources import SOURCES
from include.warehouse import Connection, run
from include.windows import Window

MOST = 3
"""Loads, tasks, and commands of a message; how many more there are it says."""

LONGEST_ERROR = 300
LONGEST_COMMAND = 500
"""Characters. A command is never cut: one that names too many places or pages asks for all of them instead."""

LONGEST_TITLE = 150


@dataclass(frozen=True)
class Alert:
    """One message: of a title of one line, and of lines of plain text, some 3,000 characters at most."""

    title: str
    text: str


@dataclass(frozen=True)
class FailedRun:
    """A run as Airflow knows it: the names of its tasks that failed, where the web UI shows it, and what ended it if not a task."""

    key: RunKey
    tasks: tuple[str, ...]
    address: str
    ended_by: str = ""


@dataclass(frozen=True)
class LeftOut:
    """A load that is not in core as a whole, of `number` such loads among the `loads` of a run, which withheld so many units."""

    load_id: int
    subject_ids: Sequence[int]
    start: datetime
    end: datetime
    error: str | None
    is_replay: bool
    number: int
    loads: int
    withheld: int
    run_start: datetime
    run_end: datetime


def run_failed(connection: Connection, failed: FailedRun) -> Alert:
    """What a failed run left out, why, and what fetches just that."""
    source = SOURCES.get(failed.key.dag_id)
    if source and "plan" not in failed.tasks:
        parameters = {"dag_id": failed.key.dag_id, "run_id": failed.key.run_id, "most": MOST}
        if loads := [LeftOut(*row) for row in run(connection, "ops/loads_left_out.sql", parameters)]:
            return _of_loads(connection, source, failed, loads)
    return _of_tasks(failed, dict(run(connection, "ops/failed_tasks.sql", vars(failed.key)).fetchall()))


def run_failed_unread(failed: FailedRun, why: str) -> Alert:
    """The same where the warehouse could not be asked."""
    return _of_tasks(failed, {}, f"What it left out is not known, for the warehouse could not be asked: {_cut(why)}")


def became_late(connection: Connection, mart: str, now: datetime) -> list[Finding]:
    """What has become late since it was last looked at, in the doctor's words: a mart, the data of its source, and that of
    sources without a mart. It is noted as told, in the transaction of the connection.
    """
    late = set(run(connection, "ops/note_late.sql", {"mart": mart}).fetchall())
    if not late:
        return []
    rows = [Fresh(*row) for row in run(connection, "ops/doctor_freshness.sql")]
    of_data = [
        checks.data([row], now) for row in {row.source: row for row in rows}.values() if (row.source, None) in late
    ]
    return of_data + [checks.marts([row], now) for row in rows if row.mart and (row.source, row.mart) in late]


def late(findings: Sequence[Finding], address: str) -> Alert:
    """Tells what became late, and where to look."""
    return _alert(findings[0].text, *(line for finding in findings for line in (finding.text, finding.fix)), address)


def _of_loads(connection: Connection, source: Source, failed: FailedRun, loads: Sequence[LeftOut]) -> Alert:
    first, names = loads[0], source.subjects.names(connection)
    told = [_load(load, names) for load in loads]
    if first.number > len(loads):
        told.append(f"and {first.number - len(loads)} more, see audit.load")
    return _alert(
        f"{source.name}: a run failed, {first.number} of {first.loads} loads are not whole, "
        f"{Window(first.run_start, first.run_end)}",
        f"run {failed.key.run_id}",
        *told,
        "Once the cause is gone, what loads just that:",
        *_commands(connection, source, failed.key, names, is_replay=first.is_replay and not first.withheld),
        failed.address,
    )


def _load(load: LeftOut, names: dict[int, str]) -> str:
    """`load 12, Boston and 3 more · [2026-10-01, 2026-10-02) UTC: why`"""
    known = tuple(names.get(key, f"no longer followed ({key})") for key in load.subject_ids)
    label = Batch(tuple(load.subject_ids), known, Window(load.start, load.end)).label
    return f"load {load.load_id}, {label}: {_cut(load.error or 'ended without saying why, see its log')}"


def _commands(
    connection: Connection, source: Source, key: RunKey, names: dict[int, str], *, is_replay: bool
) -> list[str]:
    """A command for each span that was left out, of just the places or pages that lack it and are still followed."""
    more = {"replay": True} if is_replay else {}
    commands: list[str] = []
    parameters = {"dag_id": key.dag_id, "run_id": key.run_id, "most": MOST}
    spans = run(connection, "ops/spans_left_out.sql", parameters).fetchall()
    for start, end, subject_ids, _ in spans:
        window, lacking = Window(start, end), [names[key] for key in subject_ids if key in names]
        command = triggering(source.name, window, **{source.subjects.names_param: lacking}, **more)
        if len(lacking) == len(names) or len(command) > LONGEST_COMMAND:
            command = triggering(source.name, window, **more)
        if lacking:
            commands.append(command)
    if spans and (more_spans := spans[0][3] - len(spans)):
        commands.append(f"and for {more_spans} more spans; the whole run again: {clearing(key.dag_id, key.run_id)}")
    return commands


def _of_tasks(failed: FailedRun, errors: dict[str, str], *more: str) -> Alert:
    tasks = failed.tasks or (() if failed.ended_by else tuple(errors))
    named = tasks[:MOST]
    told = [f"{name}: {_cut(errors.get(name, 'see its log'))}" for name in named]
    if len(tasks) > MOST:
        told.append(f"and {len(tasks) - MOST} more tasks")
    return _alert(
        ": ".join(filter(None, [f"{failed.key.dag_id}: a run failed", failed.ended_by, ", ".join(named)])),
        f"run {failed.key.run_id}",
        *told,
        *more,
        "Once the cause is gone, what runs it again:",
        clearing(failed.key.dag_id, failed.key.run_id),
        failed.address,
    )


def _alert(title: str, *lines: str) -> Alert:
    return Alert(_cut(title, LONGEST_TITLE), "\n".join(legible(line) for line in lines))


def _cut(text: str, longest: int = LONGEST_ERROR) -> str:
    line = legible(" ".join(text.split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
