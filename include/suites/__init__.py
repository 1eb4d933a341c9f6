"""What an audit expects. Each source's limits stand once, in the module of its name here.

Importing a suite costs nothing: Great Expectations comes in only where one is run (include/audit.py).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Limit:
    """A row is good while `column` is NULL or within [lowest, highest]; None is no bound. Bad rows are quarantined."""

    column: str
    lowest: float | None = None
    highest: float | None = None

    def __str__(self) -> str:
        return f"{'' if self.lowest is None else self.lowest}..{'' if self.highest is None else self.highest}"


@dataclass(frozen=True)
class Check:
    """A statement below sql/ that returns the rows that should not be; any row fails the load, or warns."""

    name: str
    statement: str
    meaning: str
    parameters: dict[str, Any] = field(default_factory=dict)
    is_warning: bool = False


@dataclass(frozen=True)
class Suite:
    """What is expected of the rows of one load in staging.

    `mostly` is the least fraction of rows within each limit: with fewer the load as a whole fails, but one bad row among others
    never does. `known` has, for columns, the least fraction of rows that have a value. `set_aside` and `what_it_was_for` are
    statements that put quarantined rows and the load in words, for messages.
    """

    name: str
    table: str
    key: tuple[str, str]
    limits: tuple[Limit, ...]
    mostly: float
    known: dict[str, float]
    checks: tuple[Check, ...]
    set_aside: str
    what_it_was_for: str
