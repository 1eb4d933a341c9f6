"""What `make demo` shows and waits for."""

from datetime import date

from include.sources import SOURCES
from include.summary import lacking, row_counts, summaries
from include.windows import Window, parse_moment
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import Pipeline

DAYS = ("2026-11-17", "2026-11-19")
WINDOW = Window(parse_moment(DAYS[0], "start"), parse_moment(DAYS[1], "end"))


def test_a_window_is_lacking_until_it_is_loaded_and_its_marts_are_refreshed(pipeline: Pipeline) -> None:
    assert set(lacking(pipeline.owner, WINDOW)) == set(SOURCES)
    for source in SOURCES:
        pipeline.run(source, "2026-11-17", "2026-11-18")
    unloaded = lacking(pipeline.owner, WINDOW)
    assert all(what.endswith("not loaded") for what in unloaded["weather"][:-1])
    assert unloaded["weather"][-1].endswith("not refreshed yet")
    for source in SOURCES:
        pipeline.run(source, "2026-11-18", "2026-11-19")
    assert {len(found) for found in lacking(pipeline.owner, WINDOW).values()} == {2}  # two loads each
    pipeline.refresh_marts()
    assert lacking(pipeline.owner, WINDOW) == {}
    for summary in summaries(pipeline.owner, date(2026, 11, 17), date(2026, 11, 19)):
        assert summary.rows and len(summary.columns) == len(summary.rows[0])
    [first_day] = [
        found
        for found in summaries(pipeline.owner, date(2026, 11, 17), date(2026, 11, 18))
        if found.source.name == "wikipedia"
    ]
    assert {row[first_day.columns.index("last edit")] for row in first_day.rows} == {date(2026, 11, 17)}
    counts = row_counts(pipeline.owner)
    assert counts["core.weather"] == 2 * 48
    assert all(counts[f"mart.{mart.name}"] for source in SOURCES.values() for mart in source.marts)


def test_a_window_of_which_a_unit_was_withheld_is_lacking_for_its_load(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 400.0, times=1))
    pipeline.run("weather", *DAYS)
    assert pipeline.value("SELECT units_withheld FROM audit.load") > 0
    pipeline.refresh_marts()
    assert "weather" in lacking(pipeline.owner, WINDOW)


def test_where_nothing_is_followed_that_is_what_is_lacking(pipeline: Pipeline) -> None:
    pipeline.owner.execute("UPDATE core.location SET is_active = false")
    (problem,) = lacking(pipeline.owner, WINDOW)["weather"]
    assert "add one to include/seed_data.yaml" in problem
