"""What a bench measured: the figures that docs/benchmarks.md and docs/benchmarks.json are made of."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field


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
class Goal:
    """What the median of a figure was to reach, in the figure's unit: at most so much, or at least."""

    at_most: float | None = None
    at_least: float | None = None

    def is_reached(self, figure: Figure) -> bool:
        """Whether the median keeps both bounds."""
        return (self.at_most is None or figure.median <= self.at_most) and (
            self.at_least is None or figure.median >= self.at_least
        )


@dataclass(frozen=True)
class Table:
    """Figures that belong together; `goals` says of some, by their `what`, what was to be reached.

    A Goal is judged, a text is shown as it is.
    """

    heading: str
    figures: tuple[Figure, ...]
    goals: Mapping[str, Goal | str] = field(default_factory=dict)
    notes: str = ""

    def __post_init__(self) -> None:
        if unknown := set(self.goals) - {figure.what for figure in self.figures}:
            raise ValueError(f"{self.heading}: goals of what is no figure: {', '.join(sorted(unknown))}")


def ratio(what: str, figure: Figure, to: Figure) -> Figure:
    """How many times `to` a figure is, measurement by measurement: of those that were taken in turn the machine's noise cancels."""
    return Figure(what, tuple(value / other for value, other in zip(figure.values, to.values, strict=True)), "×")


def total(what: str, *figures: Figure) -> Figure:
    """The sum of figures of one unit, measurement by measurement."""
    (unit,) = {figure.unit for figure in figures}
    return Figure(what, tuple(map(sum, zip(*(figure.values for figure in figures), strict=True))), unit)


def rate(what: str, rows: int, seconds: Figure) -> Figure:
    """Rows a second."""
    return Figure(what, tuple(rows / value for value in seconds.values), "rows/s")
