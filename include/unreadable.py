"""Answers that passed their check and that PostgreSQL cannot read all the same: found one by one, whatever is wrong with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from include.errors import LoadError
from include.source import Source
from include.warehouse import Connection, run, statement

BEGIN = ("ops/lock_extracted_load.sql", "ops/forget_unreadable.sql")
"""What a staging of a load begins with, in its transaction."""

FAULTS_OF_DATA = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
"""What SQL fails with because of what it reads: the same rows fail again, others do not."""


@dataclass(frozen=True)
class StoredAnswer:
    """An answer that a load is made of."""

    raw_id: int
    subject_id: int
    window_start: datetime
    window_end: datetime


def stage_readable(
    connection: Connection, source: Source, load_id: int, statements: Sequence[str]
) -> list[tuple[StoredAnswer, str]]:
    """Stages a load without the answers that fail alone, in one transaction; returns them, each with what it fails with.

    `statements`, with the parameter load_id, stage what staging.problem does not call unreadable. Raises LoadError when they fail
    and no single answer is to blame.
    """
    with connection.transaction():
        for name in BEGIN:
            run(connection, name, {"load_id": load_id})
        answers = [StoredAnswer(*row) for row in run(connection, source.statement("answers"), {"load_id": load_id})]

        def failure_of(some: Sequence[StoredAnswer]) -> str | None:
            others = {answer.raw_id: answer for answer in answers}
            for answer in some:
                del others[answer.raw_id]
            try:
                with connection.transaction(force_rollback=True):
                    _leave_out(connection, load_id, [(answer, "not tried") for answer in others.values()])
                    _stage(connection, load_id, statements)
            except FAULTS_OF_DATA as error:
                return f"PostgreSQL cannot read it: {error.diag.message_primary}"
            return None

        unreadable = _search(failure_of, answers)
        _leave_out(connection, load_id, unreadable)
        try:
            _stage(connection, load_id, statements)
        except FAULTS_OF_DATA as error:
            raise LoadError(
                f"{source.name}: load {load_id} cannot be staged: {error.diag.message_primary}; each of its answers in "
                f"{source.raw_table} can, alone: report it; meanwhile run its places or pages one by one"
            ) from None
    return unreadable


def _search(
    failure_of: Callable[[Sequence[StoredAnswer]], str | None], answers: Sequence[StoredAnswer]
) -> list[tuple[StoredAnswer, str]]:
    """By halves, so that one of a thousand is found in twenty tries."""
    failure = failure_of(answers)
    if failure is None:
        return []
    if len(answers) == 1:
        return [(answers[0], failure)]
    middle = len(answers) // 2
    return _search(failure_of, answers[:middle]) + _search(failure_of, answers[middle:])


def _leave_out(connection: Connection, load_id: int, unreadable: Sequence[tuple[StoredAnswer, str]]) -> None:
    rows = [{"load_id": load_id, **vars(answer), "problem": problem} for answer, problem in unreadable]
    connection.cursor().executemany(statement("ops/note_unreadable.sql"), rows)


def _stage(connection: Connection, load_id: int, statements: Sequence[str]) -> None:
    parameters: dict[str, Any] = {"load_id": load_id}
    for text in statements:
        connection.execute(text, parameters)
