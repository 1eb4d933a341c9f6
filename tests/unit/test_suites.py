"""Suites: limits stand once, name columns that exist, and read well in a log."""

import re

import pytest
from psycopg import sql

from include.audit import Outcome, outside, reasons, table_of
from include.suites import Limit, Suite
from include.suites.weather import SUITE as WEATHER
from include.suites.wikipedia import SUITE as WIKIPEDIA
from include.warehouse import SQL_FOLDER
from include.weather import UNITS

SUITES = [pytest.param(suite, id=suite.name) for suite in (WEATHER, WIKIPEDIA)]


def staged_columns(table: str) -> dict[str, str]:
    """Column names and types of a table of schema staging, as the migrations create it."""
    text = "\n".join(path.read_text() for path in sorted(SQL_FOLDER.glob("schema/*.sql")))
    created = re.search(rf"^CREATE TABLE {re.escape(table)} \((.*?)^\);", text, re.MULTILINE | re.DOTALL)
    assert created, f"{table} is not created in sql/schema"
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
    named = {*suite.key, *(limit.column for limit in suite.limits), *suite.known}
    # The audit itself reads and writes these.
    assert named | {"load_id", "raw_id", "is_quarantined"} <= set(columns)


def test_every_weather_value_has_a_limit_and_is_expected_to_be_known() -> None:
    values = {name for name, kind in staged_columns("staging.weather").items() if kind == "numeric"}
    assert values == {limit.column for limit in WEATHER.limits} == set(WEATHER.known)
    assert len(values) == len(UNITS)


@pytest.mark.parametrize("suite", SUITES)
def test_checks_have_statements_and_names_of_their_own(suite: Suite) -> None:
    assert len({check.name for check in suite.checks}) == len(suite.checks)
    for check in suite.checks:
        text = (SQL_FOLDER / check.statement).read_text()
        assert set(re.findall(r"%\((\w+)\)s", text)) == {"load_id", *check.parameters}


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
        (Limit('o"dd', 0, 1), "0..1", 'coalesce("o""dd" < 0 OR "o""dd" > 1, false)'),
    ],
)
def test_a_row_is_outside_below_the_lowest_or_above_the_highest(limit: Limit, shown: str, predicate: str) -> None:
    assert str(limit) == shown
    assert isinstance(outside(limit), sql.Composed)
    assert re.sub(r" +", " ", outside(limit).as_string(None)) == predicate


GOOD = Outcome("expect_unique", None, True, False, "no key twice", "0 of 48 rows", 0, [])
HOT = Outcome("expect_between", "temperature_celsius", False, False, "-50..60", "2 of 48 rows", 2, [61, 99, 70])
GONE = Outcome("every_page_exists", None, False, True, "no page is missing", "1 rows", 1, [{"page": "Zürich"}])


def test_the_table_shows_verdict_limit_observed_and_sample_in_columns() -> None:
    header, *lines = table_of([GOOD, HOT, GONE]).splitlines()
    assert header.split() == ["expectation", "expected", "outside", "sample"]
    assert [line.split()[0] for line in lines] == ["ok", "FAILED", "warning"]
    for heading, cells in {
        "expectation": [GOOD.expectation, "expect_between(temperature_celsius)", "every_page_exists"],
        "expected": ["no key twice", "-50..60", "no page is missing"],
        "outside": ["0 of 48 rows", "2 of 48 rows", "1 rows"],
        "sample": ["", "[61, 99, 70]", '[{"page": "Zürich"}]'],
    }.items():
        position = header.index(heading)
        assert [line[position:].startswith(cell) for line, cell in zip(lines, cells, strict=True)] == [True] * 3


def test_the_table_keeps_samples_short() -> None:
    long = Outcome("check", None, False, False, "none", "9 rows", 9, ["x" * 500] * 9)
    assert len(table_of([long]).splitlines()[1]) < 300


def test_reasons_name_what_failed_and_leave_out_warnings() -> None:
    assert reasons([GOOD, GONE]) == ""
    assert reasons([GOOD, HOT, GONE]) == (
        "expect_between(temperature_celsius): 2 of 48 rows outside, expected -50..60, for example [61, 99]"
    )
    assert reasons([HOT, HOT]).count("; ") == 1
