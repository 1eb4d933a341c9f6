"""Units of verdict: read from staging in one pass, and withheld where they are not to be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.errors import legible
from include.suite import Check, Suite
from include.warehouse import Connection, run, statement
from include.windows import Window

Unit = dict[str, Any]
"""A row of a suite's units: subject_id, subject, name, span_start, span_end, raw_ids, rows_staged (without those
that only complete a day), the columns of the checks, and the lowest and highest value of each limited column."""


@dataclass(frozen=True)
class Withheld:
    """A unit that was not trusted, and why."""

    subject_id: int
    subject: str
    name: str
    span: Window
    check: Check
    seen: str
    raw_ids: tuple[int, ...]

    @property
    def expectation(self) -> str:
        return f"{self.check.name}: {self.check.meaning}"

    def __str__(self) -> str:
        return f"{self.subject} {self.span}: {self.seen}"


def read_units(connection: Connection, suite: Suite, load_id: int) -> list[Unit]:
    """The units of a load, by subject and time."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement(suite.units), {"load_id": load_id, **suite.parameters}).fetchall()


def withhold(
    connection: Connection, suite: Suite, load_id: int, units: Sequence[Unit], failed: Mapping[int, Check]
) -> list[Withheld]:
    """Marks the rows of the units that failed (index -> the check) and lists the units in audit.withheld; returns these.

    A replay has several units of a subject and time where several responses are stored: what trusted ones have is not listed.
    """
    untrusted = [(units[index], failed[index]) for index in sorted(failed)]
    _mark(connection, suite, load_id, [unit for unit, _ in untrusted])
    run(connection, "ops/forget_withheld.sql", {"load_id": load_id})
    withheld = [_withheld(unit, check) for unit, check in untrusted]
    trusted = [unit for index, unit in enumerate(units) if index not in failed]
    return _list(connection, load_id, withheld, trusted) if withheld else []


def _list(
    connection: Connection, load_id: int, withheld: Sequence[Withheld], trusted: Sequence[Unit]
) -> list[Withheld]:
    subjects = {unit.subject_id for unit in withheld}
    beside = [unit for unit in trusted if unit["subject_id"] in subjects]
    parameters = {
        "load_id": load_id,
        "untrusted": Jsonb([{"number": number, **_row(unit)} for number, unit in enumerate(withheld)]),
        "trusted_ids": [unit["subject_id"] for unit in beside],
        "trusted_starts": [unit["span_start"] for unit in beside],
        "trusted_ends": [unit["span_end"] for unit in beside],
    }
    return [withheld[number] for (number,) in run(connection, "ops/record_withheld.sql", parameters)]


def _row(unit: Withheld) -> dict[str, Any]:
    return {
        "subject_id": unit.subject_id,
        "span_start": unit.span.start.isoformat(),
        "span_end": unit.span.end.isoformat(),
        "expectation": unit.expectation,
        "observed": unit.seen,
        "raw_ids": unit.raw_ids,
    }


def _mark(connection: Connection, suite: Suite, load_id: int, units: Sequence[Unit]) -> None:
    responses = [(raw_id, unit) for unit in units for raw_id in unit["raw_ids"]]
    if responses:
        parameters = {
            "load_id": load_id,
            "raw_ids": [raw_id for raw_id, _ in responses],
            "subject_ids": [unit["subject_id"] for _, unit in responses],
            "span_starts": [unit["span_start"] for _, unit in responses],
            "span_ends": [unit["span_end"] for _, unit in responses],
        }
        for name in suite.withhold:
            run(connection, name, parameters)


def _withheld(unit: Unit, check: Check) -> Withheld:
    seen = unit[check.column]
    return Withheld(
        unit["subject_id"],
        unit["subject"],
        unit["name"],
        Window(unit["span_start"], unit["span_end"]),
        check,
        legible(seen) if isinstance(seen, str) else f"{check.column.replace('_', ' ')}: {seen}",
        tuple(unit["raw_ids"]),
    )
