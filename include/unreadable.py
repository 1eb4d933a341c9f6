"""Responses that passed their check and that PostgreSQL cannot read all the same: found one by one, whatever is wrong with them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from include.errors import LoadError, legible
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
class StoredResponse:
    """A response that a load is made of."""

    raw_id: int
    subject_id: int
    window_start: datetime
    window_end: datetime


def stage_readable(connection: Connection, source: Source, load_id: int) -> list[tuple[StoredResponse, str]]:
    """Stages a load without the responses that fail alone, in one transaction; returns them, each with what it fails with.

    The statements of the source stage what staging.problem does not call unreadable. Raises LoadError when they fail and no single
    response is to blame.
    """
    with connection.transaction():
        for name in BEGIN:
            run(connection, name, {"load_id": load_id})
        responses = [
            StoredResponse(*row) for row in run(connection, source.statement("responses"), {"load_id": load_id})
        ]

        def failure_of(some: Sequence[StoredResponse]) -> str | None:
            others = {response.raw_id: response for response in responses}
            for response in some:
                del others[response.raw_id]
            try:
                with connection.transaction(force_rollback=True):
                    _leave_out(connection, load_id, [(response, "not tried") for response in others.values()])
                    _stage(connection, source, load_id)
            except FAULTS_OF_DATA as error:
                return f"PostgreSQL cannot read it: {legible(str(error.diag.message_primary))}"
            return None

        unreadable = _search(failure_of, responses)
        _leave_out(connection, load_id, unreadable)
        try:
            _stage(connection, source, load_id)
        except FAULTS_OF_DATA as error:
            raise LoadError(
                f"{source.name}: load {load_id} cannot be staged: {legible(str(error.diag.message_primary))}; each of its "
                f"responses in {source.raw_table} can, alone",
                "report it; meanwhile run its places or pages one by one",
            ) from None
    return unreadable


def _search(
    failure_of: Callable[[Sequence[StoredResponse]], str | None], responses: Sequence[StoredResponse]
) -> list[tuple[StoredResponse, str]]:
    """By halves, so that one of a thousand is found in twenty tries."""
    failure = failure_of(responses)
    if failure is None:
        return []
    if len(responses) == 1:
        return [(responses[0], failure)]
    middle = len(responses) // 2
    return _search(failure_of, responses[:middle]) + _search(failure_of, responses[middle:])


def _leave_out(connection: Connection, load_id: int, unreadable: Sequence[tuple[StoredResponse, str]]) -> None:
    rows = [{"load_id": load_id, **vars(response), "problem": problem} for response, problem in unreadable]
    connection.cursor().executemany(statement("ops/note_unreadable.sql"), rows)


def _stage(connection: Connection, source: Source, load_id: int) -> None:
    for name in source.stage_statements:
        run(connection, name, {"load_id": load_id})
