"""The ledger of loads, table audit.load."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from include.errors import LoadError
from include.warehouse import Connection, run
from include.windows import Window


@dataclass(frozen=True)
class RunKey:
    """Which run of which DAG."""

    dag_id: str
    run_id: str


@dataclass(frozen=True)
class Load:
    """A load under extraction; a replay is made of responses that raw already holds."""

    load_id: int
    attempt: int
    subject_ids: tuple[int, ...]
    window: Window
    is_replay: bool = False


def open_load(
    connection: Connection,
    key: RunKey,
    map_index: int,
    source: str,
    subject_ids: tuple[int, ...],
    window: Window,
    is_replay: bool = False,
) -> int:
    """Opens a load in the ledger; returns its id."""
    row = run(
        connection,
        "ops/open_load.sql",
        {
            "dag_id": key.dag_id,
            "run_id": key.run_id,
            "map_index": map_index,
            "source": source,
            "subject_ids": list(subject_ids),
            "window_start": window.start,
            "window_end": window.end,
            "is_replay": is_replay,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def supersede_loads(connection: Connection, key: RunKey, clear_staging: Sequence[str]) -> None:
    """Abandons what an earlier plan of this run opened and did not publish, and empties their staging."""
    abandoned = run(connection, "ops/supersede_loads.sql", {"dag_id": key.dag_id, "run_id": key.run_id}).fetchall()
    for (load_id,) in abandoned:
        for name in (*clear_staging, "ops/forget_problems.sql"):
            run(connection, name, {"load_id": load_id})


def begin_extraction(connection: Connection, load_id: int) -> Load:
    """Begins a new extraction attempt; raises LoadError when the run was planned again since."""
    with connection.transaction():
        row = run(connection, "ops/begin_extraction.sql", {"load_id": load_id}).fetchone()
        if row is None:
            raise LoadError(f"load {load_id} was planned again since", "clear the whole run, not one of its tasks")
        run(connection, "ops/forget_problems.sql", {"load_id": load_id})
    load_id, attempt, subject_ids, start, end, is_replay = row
    return Load(load_id, attempt, tuple(subject_ids), Window(start, end), is_replay)


def finish_extraction(connection: Connection, load: Load, rows_raw: int) -> None:
    """Marks the attempt as complete; raises LoadError when a newer attempt has begun meanwhile."""
    parameters = {"load_id": load.load_id, "attempt": load.attempt, "rows_raw": rows_raw}
    if run(connection, "ops/finish_extraction.sql", parameters).fetchone() is None:
        raise LoadError(
            f"load {load.load_id}: attempt {load.attempt} was overtaken by a newer extraction or plan of the run",
            "that one counts, there is nothing to do",
        )


def record_failure(
    connection: Connection, key: RunKey, map_index: int, error: str, *, is_consequence: bool = False
) -> None:
    """Notes why a mapped task failed; the consequence of another failure only where none is noted."""
    parameters = {
        "dag_id": key.dag_id,
        "run_id": key.run_id,
        "map_index": map_index,
        "error": error,
        "is_consequence": is_consequence,
    }
    run(connection, "ops/record_failure.sql", parameters)


def note_failed_task(connection: Connection, key: RunKey, task_id: str, error: str) -> None:
    """Notes why a task failed that has no load."""
    parameters = {"dag_id": key.dag_id, "run_id": key.run_id, "task_id": task_id, "error": error}
    run(connection, "ops/note_failed_task.sql", parameters)


def stage_again(connection: Connection, load_id: int, statements: Sequence[str]) -> None:
    """Stages a load once more that was audited before or has lost its rows, so that its verdict can be repeated.

    Of a published one nothing is staged any more, of another one the rows bear the marks of the former verdict; a crash of
    PostgreSQL takes all that is staged.
    """
    with connection.transaction():
        run(connection, "ops/lock_extracted_load.sql", {"load_id": load_id})
        state = _state(connection, load_id)
        if state.was_staged and (state.status != "staged" or not state.is_staged):
            for name in statements:
                run(connection, name, {"load_id": load_id})


def lost_its_rows(connection: Connection, load_id: int) -> bool:
    """Whether a load is to be published whose rows a crash of PostgreSQL took: it has to be staged and audited again."""
    state = _state(connection, load_id)
    return state.status == "audited" and not state.is_staged


def is_replay(connection: Connection, load_id: int) -> bool:
    """Whether a load is made of stored responses."""
    return _state(connection, load_id).is_replay


def why_not_published(connection: Connection, load_id: int) -> str:
    """Why there is nothing to publish of a load; empty when there is."""
    state = _state(connection, load_id)
    if state.status == "rejected":
        return "the audit trusts nothing of it, see validate"
    return (
        ""
        if state.is_audited or state.status == "superseded"
        else "the audit has no verdict on it, see the task before"
    )


class _State(NamedTuple):
    status: str
    is_audited: bool = False
    is_replay: bool = False
    was_staged: bool = False
    is_staged: bool = False


def _state(connection: Connection, load_id: int) -> _State:
    row = run(connection, "ops/status.sql", {"load_id": load_id}).fetchone()
    return _State(*row) if row else _State("unknown")


def published_counts(connection: Connection, load_id: int) -> dict[str, Any]:
    """What was published of a load: its window (ISO 8601, UTC), rows offered, changed and set aside, and units withheld."""
    start, end, *counts = run(connection, "ops/published_counts.sql", {"load_id": load_id}).fetchone() or (None, None)
    window = {"window_start": start.isoformat(), "window_end": end.isoformat()} if start and end else {}
    return {
        "load_id": load_id,
        **window,
        **dict(zip(("rows", "changed", "quarantined", "withheld"), counts, strict=False)),
    }
