"""Suites: limits stand once, name columns that exist, and read well in a log."""

import json
import re
import shlex

import pytest
from psycopg import sql

from include.audit import Audit, Outcome, Withheld
from include.audit.judge import judge
from include.audit.quarantine import Quarantined, outside
from include.audit.words import commands, joined, left_out, table_of, warnings_of
from include.sources.weather.api import UNITS
from include.sources.weather.suite import SUITE as WEATHER
from include.sources.wikipedia.suite import SUITE as WIKIPEDIA
from include.suite import Limit, Suite
from include.warehouse import SQL_FOLDER
from include.windows import Window
from tests.unit.support import utc

SUITES = [pytest.param(suite, id=suite.name) for suite in (WEATHER, WIKIPEDIA)]


def staged_columns(table: str) -> dict[str, str]:
    """Column names and types of a table of schema staging, as the baseline creates it."""
    text = "\n".join(path.read_text() for path in sorted(SQL_FOLDER.glob("schema/1000_baseline/*.sql")))
    created = re.search(rf"^CREATE TABLE {re.escape(table)} \((.*?)^\);", text, re.MULTILINE | re.DOTALL)
    assert created, f"{table} is not created in sql/schema/1000_baseline"
    return dict(re.findall(r"^ {4}(\w+) (\w+)", created[1], re.MULTILINE))


@pytest.mark.parametrize("suite", SUITES)
def test_each_column_has_one_limit(suite: Suite) -> None:
    columns = [limit.column for limit in suite.limits]
    assert columns and sorted(columns) == sorted(set(columns))


@pytest.mark.parametrize("suite", SUITES)
def test_each_limit_bounds_something(suite: Suite) -> None:
    for limit in suite.limits:
        bounds = [bound for bound in (limit.lowest, limit.highest) if bound is not None]
        assert bounds and bounds == sorted(set(bounds)), limit


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_names_columns_that_are_staged(suite: Suite) -> None:
    columns = staged_columns(suite.table)
    named = {*suite.key, *(limit.column for limit in suite.limits)}
    # The audit itself reads and writes these.
    assert named | {"load_id", "raw_id", "is_quarantined"} <= set(columns)


def test_every_weather_value_has_a_limit() -> None:
    values = {name for name, kind in staged_columns("staging.weather").items() if kind == "numeric"}
    assert values == {limit.column for limit in WEATHER.limits}
    assert len(values) == len(UNITS)


@pytest.mark.parametrize("suite", SUITES)
def test_what_is_checked_is_a_column_of_the_units(suite: Suite) -> None:
    text = (SQL_FOLDER / suite.units).read_text()
    assert set(re.findall(r"%\((\w+)\)s", text)) == {"load_id", *suite.parameters}
    assert len({check.name for check in suite.checks}) == len(suite.checks)
    extremes = [f"{extreme}_{limit.column}" for limit in suite.limits for extreme in ("lowest", "highest")]
    for column in [*extremes, *(check.column for check in suite.checks)]:
        assert re.search(rf"\b{column}\b", text), column


@pytest.mark.parametrize("suite", SUITES)
def test_limits_stand_in_the_suite_only(suite: Suite) -> None:
    for path in SQL_FOLDER.glob(f"{suite.name}/**/*.sql"):
        for limit in suite.limits:
            assert not re.search(rf"\b{limit.column}\b\s*(<|>|BETWEEN)\s*=?\s*-?\d", path.read_text()), path


@pytest.mark.parametrize(
    ("limit", "shown", "predicate"),
    [
        (Limit("t", -50, 60), "-50..60", 'coalesce("t" < -50 OR "t" > 60, false)'),
        (Limit("t", 0, None), "0..", 'coalesce("t" < 0, false)'),
        (Limit("t", None, 1.5), "..1.5", 'coalesce("t" > 1.5, false)'),
        (Limit("t", 0, 9, is_whole=True), "0..9 whole", 'coalesce("t" < 0 OR "t" > 9 OR "t" <> trunc("t"), false)'),
        (Limit('o"dd', 0, 1), "0..1", 'coalesce("o""dd" < 0 OR "o""dd" > 1, false)'),
    ],
)
def test_a_row_is_outside_below_the_lowest_or_above_the_highest(limit: Limit, shown: str, predicate: str) -> None:
    assert str(limit) == shown
    assert isinstance(outside(limit), sql.Composed)
    assert re.sub(r" +", " ", outside(limit).as_string(None)) == predicate


GOOD = Outcome("no_other_hour", None, True, False, "whole hours", "0 of 48 units", 0, [])
HOT = Outcome(
    "expect_between", "temperature_celsius", False, True, "-50..60", "2 rows of 1 units", 2, ["61", "99", "70"]
)
LATE = Outcome("every_hour_is_present", None, False, False, "each hour", "1 of 48 units", 1, [{"subject": "Zürich"}])


def test_the_table_shows_verdict_limit_observed_and_sample_in_columns() -> None:
    header, *lines = table_of([GOOD, HOT, LATE]).splitlines()
    assert header.split() == ["expectation", "expected", "observed", "sample"]
    assert [line.split()[0] for line in lines] == ["ok", "warning", "WITHHELD"]
    for heading, cells in {
        "expectation": [GOOD.expectation, "expect_between(temperature_celsius)", LATE.expectation],
        "expected": ["whole hours", "-50..60", "each hour"],
        "observed": ["0 of 48 units", "2 rows of 1 units", "1 of 48 units"],
        "sample": ["", '["61", "99", "70"]', '[{"subject": "Zürich"}]'],
    }.items():
        position = header.index(heading)
        assert [line[position:].startswith(cell) for line, cell in zip(lines, cells, strict=True)] == [True] * 3


def test_a_warning_about_units_names_them_in_one_line_and_says_where_the_others_stand() -> None:
    units = [
        {"subject": f"en:Page {n}", "span_start": "2026-10-05T00:00:00+00:00", "observed": "missing"} for n in range(7)
    ]
    gone = Outcome("every_page_exists", None, False, True, "a page that the wiki has", "7 of 9 units", 7, units)
    (line,) = warnings_of(5, [GOOD, HOT, LATE, gone])
    assert line.startswith(
        "every_page_exists: 7 of 9 units are not as expected, a page that the wiki has: en:Page 0 2026-10-05: missing; en:Page 1"
    )
    assert "en:Page 4 2026-10-05: missing …; see SELECT" in line and "Page 5" not in line and "\n" not in line
    assert line.endswith("WHERE load_id = 5 AND expectation = 'every_page_exists'")


def test_the_table_keeps_samples_short() -> None:
    long = Outcome("check", None, False, False, "none", "9 units", 9, ["x" * 500] * 9)
    assert len(table_of([long]).splitlines()[1]) < 300


CHECK = WEATHER.checks[2]


def withheld(subject_id: int, day: int, seen: str = "missing hours: 24", raw_id: int = 7) -> Withheld:
    span = Window(utc(f"2026-10-{day:02}"), utc(f"2026-10-{day + 1:02}"))
    name = {1: "Boston", 2: "Coeur d'Alene"}[subject_id]
    return Withheld(subject_id, name, name, span, CHECK, seen, (raw_id,))


def test_days_in_a_row_with_one_reason_are_told_as_one_span() -> None:
    units = [
        withheld(2, 1),
        withheld(1, 3, raw_id=8),
        withheld(1, 2),
        withheld(1, 4, "missing hours: 3"),
        withheld(1, 9),
    ]
    assert [(unit.subject_id, str(unit.span), unit.raw_ids) for unit in joined(units)] == [
        (1, "[2026-10-02, 2026-10-04) UTC", (7, 8)),
        (1, "[2026-10-04, 2026-10-05) UTC", (7,)),
        (1, "[2026-10-09, 2026-10-10) UTC", (7,)),
        (2, "[2026-10-01, 2026-10-02) UTC", (7,)),
    ]


def test_the_message_names_subject_span_reason_and_raw_id_and_what_fetches_them_again() -> None:
    message = left_out(WEATHER, 5, Audit([], [withheld(1, 2), withheld(2, 3)], 20, 0), "locations")
    for part in (
        "load 5 withheld 2 of 20 units, all else of it is published",
        "Boston [2026-10-02, 2026-10-03) UTC: missing hours: 24, expected each hour of the day",
        "raw id 7 of raw.weather_observations",
        "clear the task extract",
        "clear the task validate",
    ):
        assert part in message
    assert left_out(WEATHER, 5, Audit([], [], 20, 3), "locations") == ""
    assert "and 10 more, see audit.withheld of load 5" in left_out(
        WEATHER, 5, Audit([], [withheld(1, day) for day in range(1, 31, 2)] * 2, 90, 0), "locations"
    )


def test_a_replays_message_says_what_asks_the_service_again() -> None:
    """To clear its extraction would only read the same responses again."""
    message = left_out(WEATHER, 5, Audit([], [withheld(1, 2)], 20, 0), "locations", is_replay=True)
    assert "clear the task extract" not in message and "once the source is healthy" not in message.lower()
    assert "a replay asks nobody: to ask the service again run\nairflow dags trigger weather -c" in message
    assert "replay" not in message[message.index(" -c ") : message.index("If a limit is wrong")]
    assert "change it in include/sources/weather/suite.py and clear the task validate" in message


def fetched(*units: Withheld) -> list[dict[str, object]]:
    """What the commands for these ask for."""
    words = [shlex.split(command) for command in commands(WEATHER, units, "locations")]
    assert all(each[:-1] == ["airflow", "dags", "trigger", "weather", "-c"] for each in words)
    return [json.loads(each[-1]) for each in words]


def days(first: int, end: int, *names: str) -> dict[str, object]:
    return {
        "start_date": f"2026-10-{first:02}T00:00:00+00:00",
        "end_date": f"2026-10-{end:02}T00:00:00+00:00",
        "locations": list(names),
    }


def test_the_command_that_fetches_them_again_is_a_shells() -> None:
    assert fetched(withheld(2, 3), withheld(1, 4, "missing hours: 3"), withheld(2, 4), withheld(1, 3)) == [
        days(3, 5, "Boston", "Coeur d'Alene")
    ]


def test_only_what_was_withheld_is_fetched_again() -> None:
    """Not all days between the first and the last, of all places."""
    assert fetched(withheld(2, 20), withheld(1, 1), withheld(1, 20), withheld(2, 25)) == [
        days(1, 2, "Boston"),
        days(20, 21, "Boston", "Coeur d'Alene"),
        days(25, 26, "Coeur d'Alene"),
    ]


def test_no_more_than_a_handful_of_commands_is_told() -> None:
    message = left_out(WEATHER, 5, Audit([], [withheld(1, day) for day in range(1, 31, 2)], 90, 0), "locations")
    assert message.count("airflow dags trigger weather") == 5
    assert "\nand 10 more, see audit.withheld of load 5\nIf a limit is wrong" in message


def unit(suite: Suite, subject_id: int, **seen: object) -> dict[str, object]:
    """A unit that passes every check of the suite, but for what was `seen`."""
    good = {
        check.column: check.lowest if check.lowest is not None else 0 if check.highest is not None else None
        for check in suite.checks
    }
    extremes = {
        f"{extreme}_{limit.column}": limit.lowest for limit in suite.limits for extreme in ("lowest", "highest")
    }
    about = {"subject_id": subject_id, "subject": f"number {subject_id}", "name": "", "raw_ids": [subject_id]}
    span = {"span_start": utc("2026-10-01"), "span_end": utc("2026-10-02")}
    return {**about, **span, **good, **extremes, **seen}


@pytest.mark.parametrize("suite", SUITES)
def test_each_check_withholds_the_units_that_fail_it_and_no_others(suite: Suite) -> None:
    for check in suite.checks:
        bad: object = (
            "something"
            if check.lowest is check.highest is None
            else (check.highest or 0) + 1
            if check.highest is not None
            else 0
        )
        outcomes, failed = judge(
            suite, [unit(suite, 1), unit(suite, 2, **{check.column: bad}), unit(suite, 3)], NOTHING
        )
        assert failed == ({} if check.is_warning else {1: check})
        assert [outcome.expectation for outcome in outcomes if not outcome.success] == [check.name]


def test_the_first_check_that_fails_is_the_reason() -> None:
    empty = unit(WEATHER, 1, problem="no JSON", missing_hours=24, known_hours=0)
    _, failed = judge(WEATHER, [empty], NOTHING)
    assert failed == {0: WEATHER.checks[0]}


def test_of_the_rows_outside_a_limit_the_warehouse_counts() -> None:
    """In exact numbers; in double precision the unit that they are of may be inside."""
    outcomes, failed = judge(WEATHER, [unit(WEATHER, 1)], Quarantined(3, {"temperature_celsius": 3}, {}))
    found = next(outcome for outcome in outcomes if outcome.column == "temperature_celsius")
    assert (found.success, found.unexpected_count, found.observed) == (False, 3, "3 rows of 1 units outside")
    assert failed == {}


NOTHING = Quarantined(0, {}, {})


def test_an_expectation_is_configured_once_and_as_great_expectations_does() -> None:
    import great_expectations.expectations as gxe

    from include.audit import expectations

    (limit, *_), (ours, *_) = WEATHER.limits, expectations.of_suite(WEATHER)
    plain = gxe.ExpectColumnValuesToBeBetween(
        column=limit.column, min_value=limit.lowest, max_value=limit.highest, meta={"number": 0}
    )
    assert ours.configuration is ours.configuration
    assert (ours.configuration.kwargs, ours.configuration.meta) == (
        plain.configuration.kwargs,
        plain.configuration.meta,
    )
