"""Great Expectations over the units of a load.

Each unit stands for its rows: a limit holds for all of them when it holds for the lowest and the highest. So what is judged is a
twenty-fourth of an hourly load, and in memory.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.audit.quarantine import Quarantined
from include.audit.units import Unit
from include.suite import Check, Limit, Suite

SAMPLE = 20


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation; `sample` holds at most 20 of the unexpected values or units."""

    expectation: str
    column: str | None
    success: bool
    is_warning: bool
    expected: str
    observed: str
    unexpected_count: int
    sample: list[Any]


def judge(suite: Suite, units: Sequence[Unit], quarantined: Quarantined) -> tuple[list[Outcome], dict[int, Check]]:
    """Each expectation's outcome, and of each unit that is not to be trusted (by its index) the first check that it failed.

    Of the rows outside a limit the warehouse counts, in exact numbers: in double precision 100.00000000000000001 is 100.
    """
    broken = _unexpected(suite, units)
    outcomes: list[Outcome] = []
    failed: dict[int, Check] = {}
    for limit in suite.limits:
        count = quarantined.counts.get(limit.column, 0)
        outcomes.append(_of_rows(limit, broken[limit.column], count, quarantined))
    for check in suite.checks:
        outcomes.append(_of_units(check, broken[check.name], units))
        for index in broken[check.name] if not check.is_warning else ():
            failed.setdefault(index, check)
    return outcomes, failed


def _of_rows(limit: Limit, units: Sequence[int], count: int, quarantined: Quarantined) -> Outcome:
    sample = quarantined.samples.get(limit.column, [])
    observed = f"{count} rows of {max(len(units), min(count, 1))} units outside" if units or count else "none outside"
    return Outcome(
        "expect_column_values_to_be_between",
        limit.column,
        not units and not count,
        True,
        str(limit),
        observed,
        count,
        sample,
    )


def _of_units(check: Check, found: Sequence[int], units: Sequence[Unit]) -> Outcome:
    sample = [
        {
            "subject": units[index]["subject"],
            "span_start": units[index]["span_start"].isoformat(),
            "observed": units[index][check.column],
            "raw_ids": units[index]["raw_ids"],
        }
        for index in found[:SAMPLE]
    ]
    return Outcome(
        check.name,
        None,
        not found,
        check.is_warning,
        check.meaning,
        f"{len(found)} of {len(units)} units",
        len(found),
        json.loads(json.dumps(sample, default=str)),
    )


def _unexpected(suite: Suite, units: Sequence[Unit]) -> dict[str, list[int]]:
    """By column of a limit and name of a check: the units (by index) that fail."""
    names = [*(limit.column for limit in suite.limits), *(check.name for check in suite.checks)]
    found: dict[str, list[int]] = {name: [] for name in names}
    if not units:
        return found
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from include.audit import expectations

    frame = _frame(suite, units)
    # Which units failed costs as much again as whether one did: it is asked of the expectations where one did.
    results = expectations.validate(frame, expectations.of_suite(suite), "BOOLEAN_ONLY")
    failed = [number for number, result in enumerate(results) if not result.success]
    if failed:
        wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["unit"]}
        asked = expectations.of_suite(suite)
        details = expectations.validate(frame, [asked[number] for number in failed], wanted)
        for number, result in zip(failed, details, strict=True):
            found[names[number]] = sorted({int(entry["unit"]) for entry in result.result["unexpected_index_list"]})
    return found


def _frame(suite: Suite, units: Sequence[Unit]) -> Any:
    """Two rows a unit: with the lowest value of each limited column, and with the highest."""
    import pandas  # takes half a second: not for the DAG files

    frame = pandas.DataFrame(
        [
            {
                "unit": index,
                **{limit.column: unit[f"{extreme}_{limit.column}"] for limit in suite.limits},
                **{check.column: unit[check.column] for check in suite.checks},
            }
            for extreme in ("lowest", "highest")
            for index, unit in enumerate(units)
        ]
    )
    for limit in suite.limits:
        frame[limit.column] = frame[limit.column].astype(float)
    return frame
