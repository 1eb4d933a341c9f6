"""What a bench measured: the figures that docs/benchmarks.md and docs/benchmarks.json are made of."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Repeated measurements of one thing, in one unit: "s", "MB", "rows/s" or "×"."""

    what: str
    values: tuple[float, ...]
    unit: str = "s"

    @property
    def median(self) -> float:
        """Half of the measurements are not above it."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Table:
    """Figures that belong together; `goals` says of some, by their `what`, what was to be reached."""

    heading: str
    figures: tuple[Figure, ...]
    goals: dict[str, str]
    notes: str = ""
