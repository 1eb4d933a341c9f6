"""Great Expectations over the units of a load.

Each unit stands for its rows: a limit holds for all of them when it holds for the lowest and the highest. So what is judged is a
twenty-fourth of an hourly load, and in memory.
"""

import contextlib
import io
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.audit.quarantine import Quarantined
from include.audit.units import Unit
from include.errors import UnfinishedAudit, in_lines
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
    if not units:
        return {name: [] for name in names}
    batch = _batch(suite, units)
    expectations = _expectations(suite)
    # Which units failed costs as much again as whether one did: it is asked of the expectations where one did.
    results = _validate(batch, expectations, "BOOLEAN_ONLY")
    failed = [name for name, result in zip(names, results, strict=True) if not result.success]
    asked = [expectation for name, expectation in zip(names, expectations, strict=True) if name in failed]
    found: dict[str, list[int]] = {name: [] for name in names}
    if asked:
        wanted = {"result_format": "COMPLETE", "unexpected_index_column_names": ["unit"]}
        for name, result in zip(failed, _validate(batch, asked, wanted), strict=True):
            found[name] = sorted({int(entry["unit"]) for entry in result.result["unexpected_index_list"]})
    return found


def _batch(suite: Suite, units: Sequence[Unit]) -> Any:
    """Two rows a unit: with the lowest value of each limited column, and with the highest."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx  # takes seconds: not at import of this module, which the DAG files need
    import pandas
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # It tells of every default and every temporary folder at INFO, some loggers against their parent's level.
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)
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
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("staging").add_dataframe_asset("units")
    return asset.add_batch_definition_whole_dataframe("units").get_batch({"dataframe": frame})


def _expectations(suite: Suite) -> list[Any]:
    import great_expectations.expectations as gxe

    limits = [
        gxe.ExpectColumnValuesToBeBetween(column=limit.column, min_value=limit.lowest, max_value=limit.highest)
        for limit in suite.limits
    ]
    checks = [
        gxe.ExpectColumnValuesToBeNull(column=check.column)
        if check.lowest is None and check.highest is None
        else gxe.ExpectColumnValuesToBeBetween(column=check.column, min_value=check.lowest, max_value=check.highest)
        for check in suite.checks
    ]
    return [*limits, *checks]


def _validate(batch: Any, expectations: Sequence[Any], result_format: Any) -> list[Any]:
    """The results in the order of the expectations."""
    import great_expectations as gx

    for number, expectation in enumerate(expectations):
        expectation.meta = {"number": number}
    with contextlib.redirect_stdout(io.StringIO()):
        results = batch.validate(
            gx.ExpectationSuite(name="units", expectations=list(expectations)), result_format=result_format
        ).results
    for result in results:
        # One report, or one for each metric of the expectation.
        reports = [result.exception_info or {}, *(result.exception_info or {}).values()]
        if raised := [report for report in reports if isinstance(report, dict) and report.get("raised_exception")]:
            why = " ".join(str(raised[0].get("exception_message")).split())
            raise UnfinishedAudit(in_lines(f"the audit could not run: {why}"))
    return sorted(results, key=lambda result: result.expectation_config.meta["number"])
