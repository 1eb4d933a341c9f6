"""An audit in words: the table for the log, and the message for what was left out."""

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from include.audit import Audit, Outcome, Withheld
from include.suites import Suite
from include.windows import Window

MOST_SPANS = 20
MOST_WARNED = 5


def table_of(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table for the log: verdict, expectation, limit, observed, sample."""
    rows = [("", "expectation", "expected", "observed", "sample")]
    for outcome in outcomes:
        verdict = "ok" if outcome.success else "warning" if outcome.is_warning else "WITHHELD"
        name = f"{outcome.expectation}({outcome.column})" if outcome.column else outcome.expectation
        sample = json.dumps(outcome.sample[:3], ensure_ascii=False) if outcome.sample else ""
        rows.append((verdict, name, outcome.expected, outcome.observed, sample[:200]))
    widths = [max(len(row[index]) for row in rows) for index in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    )


def warnings_of(load_id: int, outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each expectation of units that only warns: which units, and where the others stand."""
    return [
        f"{outcome.expectation}: {outcome.observed} are not as expected, {outcome.expected}: "
        f"{'; '.join(map(_warned, outcome.sample[:MOST_WARNED]))}{' …' if outcome.unexpected_count > MOST_WARNED else ''}; see "
        f"SELECT * FROM audit.validation_result WHERE load_id = {load_id} AND expectation = '{outcome.expectation}'"
        for outcome in outcomes
        # An expectation of a column is a limit: its rows are set aside and counted.
        if outcome.is_warning and not outcome.success and not outcome.column
    ]


def _warned(unit: dict[str, Any]) -> str:
    return f"{unit['subject']} {unit['span_start'][:10]}: {unit['observed']}"


def left_out(suite: Suite, load_id: int, audit: Audit, names_param: str) -> str:
    """What was withheld, why, and what to do, in one message; empty when nothing was."""
    if not audit.withheld:
        return ""
    spans = joined(audit.withheld)
    listed = "; ".join(_told(suite, unit) for unit in spans[:MOST_SPANS])
    more = (
        f"; and {len(spans) - MOST_SPANS} more, see audit.withheld of load {load_id}" if len(spans) > MOST_SPANS else ""
    )
    rest = "nothing of it is published" if len(audit.withheld) == audit.units else "all else of it is published"
    return (
        f"{suite.name}: load {load_id} withheld {len(audit.withheld)} of {audit.units} units, {rest}: {listed}{more}. "
        "Core keeps its last good values for them. Once the source is healthy clear the task extract of this load with its "
        f"downstream tasks, or fetch just these again: {command(suite, audit.withheld, names_param)}. If a limit is wrong, "
        f"change it in include/suites/{suite.name}.py and clear the task validate with its downstream tasks"
    )


def joined(withheld: Iterable[Withheld]) -> list[Withheld]:
    """Days of a subject that follow each other and were withheld for the same reason are one span."""
    result: list[Withheld] = []
    for unit in sorted(withheld, key=lambda unit: (unit.subject, unit.subject_id, unit.span.start)):
        last = result[-1] if result else None
        if last and (last.subject_id, last.check, last.seen, last.span.end) == (
            unit.subject_id,
            unit.check,
            unit.seen,
            unit.span.start,
        ):
            raw_ids = tuple(dict.fromkeys(last.raw_ids + unit.raw_ids))
            span = Window(last.span.start, unit.span.end)
            result[-1] = Withheld(unit.subject_id, unit.subject, unit.name, span, unit.check, unit.seen, raw_ids)
        else:
            result.append(unit)
    return result


def command(suite: Suite, withheld: Sequence[Withheld], names_param: str) -> str:
    """What fetches the withheld subjects again, over all their spans."""
    conf = {
        "start_date": min(unit.span.start for unit in withheld).isoformat(),
        "end_date": max(unit.span.end for unit in withheld).isoformat(),
        names_param: sorted({unit.name for unit in withheld}),
    }
    return f"airflow dags trigger {suite.name} -c {shlex.quote(json.dumps(conf, ensure_ascii=False))}"


def _told(suite: Suite, unit: Withheld) -> str:
    raw = f"raw id {', '.join(map(str, unit.raw_ids[:5]))} of {suite.raw_table}" if unit.raw_ids else "nothing in raw"
    return f"{unit.subject} {unit.span}: {unit.seen}, expected {unit.check.meaning} ({unit.check.name}; {raw})"
