"""An audit in words: the table for the log, and the message for what was left out."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from include.audit import Audit, Outcome, Withheld
from include.command import triggering
from include.errors import in_lines, legible
from include.suite import Suite
from include.windows import Window

MOST_SPANS = 20
MOST_WARNED = 5
MOST_COMMANDS = 5


def table_of(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a table for the log: verdict, expectation, limit, observed, sample."""
    rows = [("", "expectation", "expected", "observed", "sample")]
    for outcome in outcomes:
        verdict = "ok" if outcome.success else "warning" if outcome.is_warning else "WITHHELD"
        name = f"{outcome.expectation}({outcome.column})" if outcome.column else outcome.expectation
        sample = json.dumps(outcome.sample[:3], ensure_ascii=False) if outcome.sample else ""
        rows.append((verdict, name, outcome.expected, outcome.observed, legible(sample[:200])))
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
    return f"{unit['subject']} {unit['span_start'][:10]}: {legible(str(unit['observed']))}"


def left_out(suite: Suite, load_id: int, audit: Audit, names_param: str, *, is_replay: bool = False) -> str:
    """What was withheld, why, and what to do, in one message; empty when nothing was."""
    if not audit.withheld:
        return ""
    see = f"see audit.withheld of load {load_id}"
    spans = _listed([_told(suite, unit) for unit in joined(audit.withheld)], MOST_SPANS, see)
    again = _listed(commands(suite, audit.withheld, names_param), MOST_COMMANDS, see)
    rest = "nothing of it is published" if len(audit.withheld) == audit.units else "all else of it is published"
    # To clear the extraction of a replay would only read the same responses again.
    advice = (
        "It read stored responses, a replay asks nobody: to ask the service again run"
        if is_replay
        else "Once the source is healthy clear the task extract of this load with its downstream tasks, or fetch just these again:"
    )
    return in_lines(
        f"{suite.name}: load {load_id} withheld {len(audit.withheld)} of {audit.units} units, {rest}",
        *spans,
        "Core keeps its last good values for them.",
        advice,
        *again,
        f"If a limit is wrong, change it in include/sources/{suite.name}/suite.py and clear the task validate with its downstream "
        "tasks.",
    )


def _listed(texts: Sequence[str], most: int, see: str) -> list[str]:
    """Of many, the first ones, how many more there are, and where to see these."""
    more = [f"and {len(texts) - most} more, {see}"] if len(texts) > most else []
    return [*texts[:most], *more]


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


def commands(suite: Suite, withheld: Sequence[Withheld], names_param: str) -> list[str]:
    """What fetches the withheld units again and no others: a command for each span, with all that were withheld in just that."""
    names: dict[Window, list[str]] = {}
    for name, span in sorted(_spans_by_name(withheld)):
        names.setdefault(Window(*span), []).append(name)
    return [
        triggering(suite.name, span, **{names_param: names[span]})
        for span in sorted(names, key=lambda span: (span.start, span.end))
    ]


def _spans_by_name(withheld: Iterable[Withheld]) -> list[tuple[str, tuple[datetime, datetime]]]:
    """Days of a name that follow each other are one span, whatever they were withheld for."""
    result: list[tuple[str, tuple[datetime, datetime]]] = []
    for unit in sorted(withheld, key=lambda unit: (unit.name, unit.span.start)):
        last, span = result[-1] if result else None, (unit.span.start, unit.span.end)
        if last and last[0] == unit.name and span[0] <= last[1][1]:
            result[-1] = (unit.name, (last[1][0], max(last[1][1], span[1])))
        else:
            result.append((unit.name, span))
    return result


def _told(suite: Suite, unit: Withheld) -> str:
    raw = f"raw id {', '.join(map(str, unit.raw_ids[:5]))} of {suite.raw_table}" if unit.raw_ids else "nothing in raw"
    return f"{unit.subject} {unit.span}: {unit.seen}, expected {unit.check.meaning} ({unit.check.name}; {raw})"
