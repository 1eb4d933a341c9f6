"""The steps of loads against COPY and what people would use instead, without Airflow. docs/benchmarks.md says what each gets."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg

from tests.bench.contestants.environment import prepare, race, version_of
from tests.bench.contestants.table import checksum, drop_tables, make_table
from tests.bench.figures import Figure, Goal, Table, rate, ratio, total
from tests.bench.history import new_warehouse
from tests.bench.loads import STEPS, Pass, follow_ten_places, one_pass, write_responses, year_of

YEARS = (1992, 1996, 2000, 2004, 2008, 2012, 2016, 2020)
"""Leap years, far from each other: each load makes its own months, as the first load of a year does."""

ROWS = 10 * 366 * 24
"""Of a load: ten places for a year."""

ROUNDS = 2
OURS = "`transform` + `publish`"


@dataclass(frozen=True)
class Contestant:
    """A script, what it is called and told; the slow ones get some `rows` only, for their rate does not depend on how many."""

    name: str
    script: str
    told: dict[str, Any] = field(default_factory=dict)
    rows: int | None = None


CONTESTANTS = {
    "copy": Contestant("`COPY` of prepared rows", "copy_rows"),
    "dlt": Contestant("dlt, merge of Arrow tables", "dlt_merge", {"form": "tables", "loads": None}),
    "dlt dicts": Contestant("dlt, merge of dicts, one load", "dlt_merge", {"form": "dicts", "loads": 1}, ROWS),
    "pandas": Contestant("pandas, `to_sql` and an upsert", "pandas_upsert"),
    "row by row": Contestant("row by row, 20,000 upserts", "row_by_row", {"rows": 20_000}, 20_000),
}
PACKAGES = ("dlt", "pandas", "sqlalchemy", "psycopg")


@dataclass(frozen=True)
class Round:
    """What was measured in turn, in one warehouse; of the contestants rows a second."""

    first: Pass
    unchanged: Pass
    revised: Pass
    contestants: dict[str, float]


def measure(quick: bool) -> list[Table]:
    """The tables of this part."""
    years, rounds = (YEARS[:2], 1) if quick else (YEARS, ROUNDS)
    prepare()
    import_module("include.audit.expectations")  # takes seconds, of Airflow only the process that forks its workers
    with tempfile.TemporaryDirectory(prefix="dw-bench-") as folder:
        as_first, as_revised = Path(folder) / "first", Path(folder) / "revised"
        as_first.mkdir()
        as_revised.mkdir()
        write_responses(years, as_first, as_revised)
        measured = [one_round(years, as_first, as_revised) for _ in range(rounds)]
    rows = len(years) * ROWS
    return [steps(measured, rows), again(measured), against(measured, rows)]


def one_round(years: Sequence[int], as_first: Path, as_revised: Path) -> Round:
    """Everything in turn, in an empty warehouse."""
    with (
        new_warehouse() as warehouse,
        psycopg.connect(warehouse.url("postgres"), autocommit=True) as admin,
    ):
        loader = warehouse.loader
        follow_ten_places(warehouse.owner)
        first = one_pass(admin, loader, "first", years, as_first)
        expected = checksum(admin, "core")
        contestants = {}
        for key, contestant in CONTESTANTS.items():
            make_table(admin, [year_of(year) for year in years])
            admin.execute("CHECKPOINT")
            with tempfile.TemporaryDirectory(prefix="dw-contestant-") as folder:
                task = {"database": warehouse.url("postgres"), "bodies": str(as_first), **contestant.told}
                seconds = race(contestant.script, Path(folder), **task)["seconds"]
            found = checksum(admin, "contestant")
            if found != expected and found[0] != contestant.rows:
                raise RuntimeError(f"{contestant.name} has loaded other rows: {found}, expected {expected}")
            contestants[key] = found[0] / seconds
        drop_tables(admin)
        unchanged = one_pass(admin, loader, "unchanged", years, as_first)
        revised = one_pass(admin, loader, "revised", years, as_revised)
    return Round(first, unchanged, revised, contestants)


def steps(rounds: Sequence[Round], rows: int) -> Table:
    """The first time, step by step."""
    figures = {step: Figure(f"`{step}`", tuple(one.first.seconds[step] for one in rounds)) for step in STEPS}
    both = total(OURS, figures["transform"], figures["publish"])
    audit = ratio(f"`validate`, of {OURS}", figures["validate"], both)
    whole = total("all of it, one after the other", *figures.values())
    heading = f"{rows:,} rows of ten places, a load a year, into empty months"
    return Table(heading, (*figures.values(), whole, audit), {audit.what: Goal(at_most=0.5)})


def again(rounds: Sequence[Round]) -> Table:
    """The same loads again, unchanged and revised."""
    first, first_wal = _moved("the first time", [one.first for one in rounds])
    unchanged, unchanged_wal = _moved("unchanged", [one.unchanged for one in rounds])
    revised, revised_wal = _moved("1 % revised", [one.revised for one in rounds])
    time = ratio("unchanged, of the first time: time", unchanged, first)
    wal = ratio("unchanged, of the first time: WAL", unchanged_wal, first_wal)
    near = ratio("1 % revised, of unchanged: time", revised, unchanged)
    growth = [
        Figure(f"unchanged: growth of `{schema}`", tuple(one.unchanged.growth[schema] / 1e6 for one in rounds), "MB")
        for schema in ("core", "mart", "staging")
    ]
    return Table(
        f"{OURS} of the same loads again",
        (first, first_wal, unchanged, unchanged_wal, revised, revised_wal, time, wal, near, *growth),
        {
            time.what: Goal(at_most=1 / 3),
            wal.what: Goal(at_most=0.1),
            near.what: "near 1",
            **{figure.what: Goal(at_most=0) for figure in growth},
        },
    )


def against(rounds: Sequence[Round], rows: int) -> Table:
    """The first time, and the contestants."""
    ours = rate(OURS, rows, _moved("", [one.first for one in rounds])[0])
    theirs = {
        key: Figure(contestant.name, tuple(one.contestants[key] for one in rounds), "rows/s")
        for key, contestant in CONTESTANTS.items()
    }
    copy = theirs["copy"]
    of_copy = [
        ratio(f"{figure.what}: of `COPY`", figure, copy) for figure in (ours, *theirs.values()) if figure != copy
    ]
    of_dlt = [ratio(f"{OURS}: of {theirs[key].what}", ours, theirs[key]) for key in ("dlt", "dlt dicts")]
    return Table(
        "rows a second into empty months",
        (ours, *theirs.values(), *of_copy, *of_dlt),
        {of_copy[0].what: Goal(at_least=0.6), **{figure.what: Goal(at_least=10) for figure in of_dlt}},
        ", ".join(f"{package} {version_of(package)}" for package in PACKAGES) + ".",
    )


def _moved(name: str, passes: Sequence[Pass]) -> tuple[Figure, Figure]:
    """Time and WAL of transform and publish."""
    both = ("transform", "publish")
    return (
        Figure(f"{name}: time", tuple(sum(one.seconds[step] for step in both) for one in passes)),
        Figure(f"{name}: WAL", tuple(sum(one.wal[step] for step in both) / 1e6 for one in passes), "MB"),
    )
