"""Great Expectations over a frame in memory. It takes seconds to import: `judge` does so when it judges, and no DAG file."""

import contextlib
import io
import logging
from collections.abc import Sequence
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from include.errors import UnfinishedAudit, in_lines
from include.suite import Check, Limit, Suite

# It tells of every default and every temporary folder at INFO, some loggers against their parent's level.
for name in ("great_expectations", "great_expectations.data_context.types.base"):
    logging.getLogger(name).setLevel(logging.WARNING)


def _batches() -> Any:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("staging").add_dataframe_asset("units")
    return asset.add_batch_definition_whole_dataframe("units")


BATCHES = _batches()
"""What takes a frame as a batch. It takes half as long to make as an audit: once, and what is forked from a process has it."""


class ConfiguredOnce(Expectation):
    """An expectation that is not changed once it is validated.

    Great Expectations 1.23 makes its configuration anew whenever it reads one value of it, eighty times for each expectation:
    more than a third of an audit. If a later one does not, this can go.
    """

    _configuration: Any = PrivateAttr(None)

    @property
    def configuration(self) -> Any:
        """What it expects of what."""
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration


class ExpectBetween(ConfiguredOnce, gxe.ExpectColumnValuesToBeBetween):
    """As its base."""


class ExpectNull(ConfiguredOnce, gxe.ExpectColumnValuesToBeNull):
    """As its base."""


def of_suite(suite: Suite) -> list[Any]:
    """An expectation for each limit and for each check, in their order; each knows its number."""
    rules: list[Limit | Check] = [*suite.limits, *suite.checks]
    return [_expectation(rule, {"number": number}) for number, rule in enumerate(rules)]


def _expectation(rule: Limit | Check, meta: dict[str, Any]) -> Any:
    if rule.lowest is None and rule.highest is None:
        return ExpectNull(column=rule.column, meta=meta)
    return ExpectBetween(column=rule.column, min_value=rule.lowest, max_value=rule.highest, meta=meta)


def validate(frame: Any, expectations: Sequence[Any], result_format: Any) -> list[Any]:
    """The results for a frame of pandas, in the order of the expectations."""
    with contextlib.redirect_stdout(io.StringIO()):
        batch = BATCHES.get_batch({"dataframe": frame})
        suite = gx.ExpectationSuite(name="units", expectations=list(expectations))
        results = batch.validate(suite, result_format=result_format).results
    for result in results:
        # One report, or one for each metric of the expectation.
        reports = [result.exception_info or {}, *(result.exception_info or {}).values()]
        if raised := [report for report in reports if isinstance(report, dict) and report.get("raised_exception")]:
            why = " ".join(str(raised[0].get("exception_message")).split())
            raise UnfinishedAudit(in_lines(f"the audit could not run: {why}"))
    return sorted(results, key=lambda result: result.expectation_config.meta["number"])
