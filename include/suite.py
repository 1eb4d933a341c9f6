"""What an audit expects. Each source's limits stand once, in its own suite.py.

Importing a suite costs nothing: Great Expectations comes in only where one is run (include/audit).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """A row is good while `column` is NULL or within [lowest, highest]; None is not a bound. Bad rows are quarantined."""

    column: str
    lowest: float | None = None
    highest: float | None = None
    is_whole: bool = False

    def __str__(self) -> str:
        whole = " whole" if self.is_whole else ""
        return f"{'' if self.lowest is None else self.lowest}..{'' if self.highest is None else self.highest}{whole}"


@dataclass(frozen=True)
class Check:
    """What a unit has to be: `column` of the suite's units lies within [lowest, highest], or is NULL where neither is given.

    A unit that is not is withheld; where `is_warning`, it is only reported.
    """

    name: str
    column: str
    meaning: str
    lowest: float | None = None
    highest: float | None = None
    is_warning: bool = False


@dataclass(frozen=True)
class Suite:
    """What is expected of one load in staging: of its rows, and of its units (one place on one UTC day, one page).

    `units` is the statement that aggregates the rows of `table` by unit, with `parameters`; the first check that a unit fails
    is the reason why it is withheld, so the order of `checks` is from cause to effect. `withhold` are the statements that
    mark the rows of units. Where `stages_beside_window`, some rows are staged for the verdict on their unit only, and
    `is_in_window` says of each whether the load would publish it.
    """

    name: str
    table: str
    raw_table: str
    key: tuple[str, str]
    limits: tuple[Limit, ...]
    checks: tuple[Check, ...]
    units: str
    withhold: tuple[str, ...]
    stages_beside_window: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)
