"""Tables as people and programs read them: docs/benchmarks.md between its markers, docs/benchmarks.json."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from include.errors import WarehouseError
from tests.bench.figures import Figure, Goal, Table
from tests.bench.machine import Machine

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass(frozen=True)
class Measured:
    """One part of the bench: what was measured, by which command, when, on what, and for how many seconds."""

    part: str
    tables: Sequence[Table]
    day: date
    machine: Machine
    versions: dict[str, str]
    seconds: float

    @property
    def command(self) -> str:
        """What measures it again."""
        return f'make bench B="{self.part}"'


def markdown(measured: Measured) -> str:
    """The section of a part: the machine, then its tables."""
    packages = ", ".join(f"{name} {number}" for name, number in measured.versions.items())
    head = f"`{measured.command}`, {measured.day}, {measured.seconds:.0f} s; {measured.machine}; {packages}."
    return "\n\n".join([head, *(_table(table) for table in measured.tables)])


def write(measured: Measured, docs: Path = DOCS) -> None:
    """Replaces the part's section of benchmarks.md and its key of benchmarks.json; all else stays as it is."""
    page, data = docs / "benchmarks.md", docs / "benchmarks.json"
    text = _replaced(page, page.read_text(encoding="utf-8"), measured)
    parts: dict[str, Any] = json.loads(data.read_text(encoding="utf-8")) if data.exists() else {}
    parts[measured.part] = _document(measured)
    page.write_text(text, encoding="utf-8")
    data.write_text(json.dumps(parts, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def _replaced(page: Path, text: str, measured: Measured) -> str:
    begins, ends = f"<!-- measured: {measured.part} -->\n", f"<!-- end: {measured.part} -->\n"
    if text.count(begins) != 1 or text.count(ends) != 1 or text.index(begins) > text.index(ends):
        raise WarehouseError(
            f"{page.name} has no place for the part {measured.part}",
            f"add the lines {begins!r} and {ends!r}, once each",
        )
    before, rest = text.split(begins)
    return before + begins + markdown(measured) + "\n" + ends + rest.split(ends)[1]


def _table(table: Table) -> str:
    lines = [f"| {table.heading} | median | least | most | n | goal |", "|---|--:|--:|--:|--:|---|"]
    for figure in table.figures:
        values = (figure.median, min(figure.values), max(figure.values))
        shown = " | ".join(_shown(value, figure.unit) for value in values)
        goal = _goal(table.goals.get(figure.what), figure)
        lines.append(f"| {figure.what} | {shown} | {len(figure.values)} | {goal} |")
    return "\n".join([*lines, *(["", table.notes] if table.notes else [])])


def _goal(goal: Goal | str | None, figure: Figure) -> str:
    if not isinstance(goal, Goal):
        return goal or ""
    bounds = [("at most", goal.at_most), ("at least", goal.at_least)]
    words = " and ".join(f"{word} {_number(bound)}" for word, bound in bounds if bound is not None)
    return f"{words}: {'reached' if goal.is_reached(figure) else '**missed**'}"


def _shown(value: float, unit: str) -> str:
    return _number(value) if unit in ("×", "rows/s") else f"{_number(value)} {unit}"


def _number(value: float) -> str:
    """Three digits, or all before the point; of what is less than a tenth two."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) < 0.1:
        return f"{value:.2g}"
    return re.sub(r"\.0+$", "", f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}")


def _document(measured: Measured) -> dict[str, Any]:
    return {
        "command": measured.command,
        "day": measured.day.isoformat(),
        "seconds": round(measured.seconds),
        "machine": asdict(measured.machine),
        "versions": measured.versions,
        "tables": [
            {
                "heading": table.heading,
                "notes": table.notes,
                "figures": [_entry(figure, table.goals.get(figure.what)) for figure in table.figures],
            }
            for table in measured.tables
        ],
    }


def _entry(figure: Figure, goal: Goal | str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "what": figure.what,
        "unit": figure.unit,
        "median": _rounded(figure.median),
        "least": _rounded(min(figure.values)),
        "most": _rounded(max(figure.values)),
        "values": [_rounded(value) for value in figure.values],
    }
    if isinstance(goal, Goal):
        bounds = {name: bound for name, bound in asdict(goal).items() if bound is not None}
        entry["goal"] = {**bounds, "reached": goal.is_reached(figure)}
    elif goal:
        entry["goal"] = goal
    return entry


def _rounded(value: float) -> float:
    """Four digits are more than any of them is worth."""
    return float(f"{value:.4g}")
