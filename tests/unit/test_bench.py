"""What `make bench` writes: only between its markers, only its own key, and goals that say whether they are reached."""

import json
from datetime import date
from pathlib import Path

import pytest

from include.errors import WarehouseError
from tests.bench.__main__ import PARTS, main
from tests.bench.figures import Figure, Goal, Table, rate, ratio, total
from tests.bench.machine import Machine
from tests.bench.report import DOCS, Measured, write

PAGE = """# Benchmarks

before
<!-- measured: warehouse -->
of an earlier run
<!-- end: warehouse -->
between
<!-- measured: day -->
of another part
<!-- end: day -->
after
"""
MACHINE = Machine(2, "a processor", 23, "Linux", "Python 3.11.7", (0.1, 3.2))
FAST, SLOW = Figure("fast", (1.0, 2.0, 4.0)), Figure("slow", (2.0, 8.0, 8.0))
HALF = ratio("fast, of slow", FAST, SLOW)


def measured(*tables: Table) -> Measured:
    return Measured("warehouse", tables, date(2026, 11, 26), MACHINE, {"dlt": "1.30.0"}, 61.4)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "benchmarks.json").write_text(json.dumps({"warehouse": "earlier", "day": "another"}), encoding="utf-8")
    return tmp_path


def test_a_ratio_is_of_each_pair_so_that_a_slow_moment_of_the_machine_cancels() -> None:
    assert HALF.values == (0.5, 0.25, 0.5)
    assert (HALF.median, HALF.unit) == (0.5, "×")
    with pytest.raises(ValueError, match="zip"):
        ratio("of others", FAST, Figure("fewer", (1.0,)))


def test_sums_and_rates_are_of_each_measurement() -> None:
    assert total("both", FAST, SLOW) == Figure("both", (3.0, 10.0, 12.0))
    assert rate("rate", 8, FAST) == Figure("rate", (8.0, 4.0, 2.0), "rows/s")


def test_a_goal_is_judged_by_the_median() -> None:
    assert Goal(at_most=2).is_reached(FAST) and Goal(at_least=2).is_reached(FAST)
    assert not Goal(at_most=1.9).is_reached(FAST) and not Goal(at_least=2.1).is_reached(FAST)


def test_a_goal_of_no_figure_is_an_error() -> None:
    with pytest.raises(ValueError, match="misspelled"):
        Table("heading", (FAST,), {"misspelled": Goal(at_most=1)})


def test_only_what_lies_between_the_markers_of_the_part_is_written(docs: Path) -> None:
    goals: dict[str, Goal | str] = {
        FAST.what: Goal(at_most=1.5),
        HALF.what: Goal(at_most=0.5),
        SLOW.what: "as fast as that",
    }
    write(measured(Table("heading", (FAST, SLOW, HALF), goals, "a note")), docs)
    before, rest = PAGE.split("of an earlier run\n")
    text = (docs / "benchmarks.md").read_text(encoding="utf-8")
    assert text.startswith(before) and text.endswith(rest)
    assert text[len(before) : -len(rest)].splitlines() == [
        '`make bench B="warehouse"`, 2026-11-26, 61 s; 2 cores (a processor), 23 GiB, Linux, Python 3.11.7; load average before it '
        "0.1 (1 minute), 3.2 (15 minutes); dlt 1.30.0.",
        "",
        "| heading | median | least | most | n | goal |",
        "|---|--:|--:|--:|--:|---|",
        "| fast | 2 s | 1 s | 4 s | 3 | at most 1.50: **missed** |",
        "| slow | 8 s | 2 s | 8 s | 3 | as fast as that |",
        "| fast, of slow | 0.50 | 0.25 | 0.50 | 3 | at most 0.50: reached |",
        "",
        "a note",
    ]


def test_the_data_has_a_key_for_each_part_and_the_others_stay(docs: Path) -> None:
    write(measured(Table("heading", (FAST, HALF), {HALF.what: Goal(at_most=0.1)})), docs)
    parts = json.loads((docs / "benchmarks.json").read_text(encoding="utf-8"))
    assert parts["day"] == "another"
    part = parts["warehouse"]
    assert (part["command"], part["day"], part["seconds"]) == ('make bench B="warehouse"', "2026-11-26", 61)
    assert (part["machine"]["load"], part["versions"]) == ([0.1, 3.2], {"dlt": "1.30.0"})
    assert part["tables"][0]["figures"] == [
        {"what": "fast", "unit": "s", "median": 2.0, "least": 1.0, "most": 4.0, "values": [1.0, 2.0, 4.0]},
        {
            **{
                "what": "fast, of slow",
                "unit": "×",
                "median": 0.5,
                "least": 0.25,
                "most": 0.5,
                "values": [0.5, 0.25, 0.5],
            },
            "goal": {"at_most": 0.1, "reached": False},
        },
    ]


def test_a_page_without_a_place_for_the_part_stays_as_it_is(docs: Path) -> None:
    page = docs / "benchmarks.md"
    page.write_text(PAGE.replace("<!-- end: warehouse -->\n", ""), encoding="utf-8")
    earlier = [file.read_bytes() for file in sorted(docs.iterdir())]
    with pytest.raises(WarehouseError, match=r"benchmarks\.md has no place for the part warehouse"):
        write(measured(Table("heading", (FAST,))), docs)
    assert [file.read_bytes() for file in sorted(docs.iterdir())] == earlier


def test_the_document_has_a_place_for_each_part_that_there_is(tmp_path: Path) -> None:
    (tmp_path / "benchmarks.md").write_bytes((DOCS / "benchmarks.md").read_bytes())
    for part in PARTS:
        write(Measured(part, [Table("heading", (FAST,))], date(2026, 11, 26), MACHINE, {}, 1), tmp_path)


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["warehose"])
    assert f"there is no part warehose, there are {', '.join(PARTS)}" in capsys.readouterr().err
