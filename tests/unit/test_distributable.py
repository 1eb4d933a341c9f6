"""The rules that let the weather be distributed by place (docs/deploy.md, Citus), as far as the texts of statements show them.

Those of the catalog are in tests/warehouse/test_distributable.py.
"""

import re
from collections.abc import Iterator
from functools import cache

import pytest
import sqlparse

from include.sources import SOURCES
from include.warehouse import SQL_FOLDER

DISTRIBUTED = {"core.weather", "core.weather_daily"}
STATEMENTS = sorted(
    path.relative_to(SQL_FOLDER).as_posix() for path in SQL_FOLDER.rglob("*.sql") if "schema" not in path.parts
)
IMMUTABLE = {"coalesce", "greatest", "least", "nullif", "num_nonnulls", "num_nulls", "array_fill"}
"""The functions that a DO UPDATE may call. Others are not looked up: one that is immutable belongs here when it is used."""
NOT_CALLED = {
    "set",
    "where",
    "and",
    "or",
    "not",
    "in",
    "when",
    "then",
    "else",
    "any",
    "case",
    "from",
    "select",
    "distinct",
}
"""What stands before a parenthesis, too."""


@cache
def text_of(name: str) -> str:
    """A statement without its comments."""
    return str(sqlparse.format((SQL_FOLDER / name).read_text(encoding="utf-8"), strip_comments=True)).lower()


def inside(text: str, start: int) -> str:
    """What is in the parentheses that open at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    raise AssertionError(f"a parenthesis is not closed: {text[start : start + 60]}")


def queries(text: str, hours: set[str]) -> Iterator[str]:
    """The statement and each query within it. For one within another stands `untied` where it reads `hours` of any place."""
    found, place = "", 0
    while opening := re.compile(r"\(").search(text, place):
        part = inside(text, opening.start())
        end = opening.end() + len(part) + 1
        if re.match(r"\s*(select|insert|update|delete|with)\b", part):
            yield from queries(part, hours)
            found += text[place : opening.start()] + ("untied" if reads(part) & hours and not tied(part) else "query")
        else:
            found += text[place:end]
        place = end
    yield found + text[place:]


def reads(text: str) -> set[str]:
    """The tables and parts of the statement that it names."""
    return set(re.findall(r"\b(?:from|join|into|update|using) (?:lateral )?([\w.]+)", text))


def tied(condition: str) -> bool:
    """Whether it asks for the same place on both sides."""
    return bool(re.search(r"\b\w+\.location_id = \w+\.location_id\b|\busing \(location_id\b", condition))


def with_hours(text: str) -> set[str]:
    """The distributed tables, and the parts of the statement that are made of them."""
    found = set(DISTRIBUTED)
    for part in re.finditer(r"\b(\w+) as (?:not )?(?:materialized )?\(", text):
        if reads(inside(text, part.end() - 1)) & found:
            found.add(part[1])
    return found


def joins_across_places(text: str) -> list[str]:
    """The joins with hours or days that do not tie both sides to the same place."""
    hours, found = with_hours(text), []
    for query in queries(text, hours):
        for join in re.split(r"\b(?:inner|left|cross|full|right) join\b", query)[1:]:
            condition = re.split(r"\b(?:where|group by|order by|returning|union|on conflict)\b", join)[0]
            if reads(f"join {condition.strip()}") & {*hours, "untied"} and not tied(condition):
                found.append(condition)
        for table, condition in re.findall(r"delete from ([\w.]+)[^;]*\busing\b([^;]*)", query):
            if table in hours and not tied(condition):
                found.append(condition)
    return found


WEATHER = [*SOURCES["weather"].publish_statements, "weather/take_due_days.sql"]


@pytest.mark.parametrize("name", WEATHER)
def test_hours_and_days_are_joined_by_place(name: str) -> None:
    assert joins_across_places(text_of(name)) == []


def test_the_statements_that_join_hours_are_among_them() -> None:
    joined = {name for name in WEATHER if len(with_hours(text_of(name))) > len(DISTRIBUTED)}
    assert joined == {"weather/upsert.sql", "weather/roll_up_days.sql"}


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        (
            "select 1 from a left join core.weather as w on a.location_id = w.location_id and a.observed_at = w.observed_at",
            True,
        ),
        (
            "select 1 from a left join core.weather as w on a.observed_at = w.observed_at where a.location_id = w.location_id",
            False,
        ),
        (
            "with known as (select * from core.weather) select 1 from a inner join known on a.observed_at = known.observed_at",
            False,
        ),
        (
            "with known as (select * from core.weather) select 1 from a inner join known on a.location_id = known.location_id",
            True,
        ),
        (
            "with b as (select 1 from known), known as (select 1 from core.weather) select 1 from a cross join known",
            False,
        ),
        ("delete from core.weather_daily as d using s where d.observation_date = s.day", False),
        ("delete from core.weather_daily as d using s where d.location_id = s.location_id", True),
        ("select 1 from a cross join b on a.x = b.x", True),
        (
            "select 1 from a cross join lateral (select 1 from core.weather as w where w.location_id = a.location_id) as b",
            True,
        ),
        (
            "select 1 from a cross join lateral (select 1 from core.weather as w where w.observed_at > a.start) as b",
            False,
        ),
    ],
)
def test_a_join_across_places_is_seen(text: str, is_right: bool) -> None:
    assert (joins_across_places(text) == []) is is_right


def test_the_rollup_is_grouped_by_place_in_each_query_of_hours() -> None:
    """Citus computes a query of each place where the place is, if its groups name the place."""
    grouped = [
        query
        for query in queries(text_of("weather/roll_up_days.sql"), DISTRIBUTED)
        if reads(query) & DISTRIBUTED and "group by" in query
    ]
    assert grouped
    assert all(re.search(r"group by [^)]*\blocation_id\b", query) for query in grouped)


def updates(text: str) -> Iterator[str]:
    """What follows each DO UPDATE, to the end of its statement."""
    for found in re.finditer(r"\bdo update\b", text):
        yield re.split(r"\breturning\b|;", text[found.end() :])[0]


def called(text: str) -> set[str]:
    """The functions that it calls, and the keywords that are functions without parentheses."""
    return (set(re.findall(r"\b(\w+) ?\(", text)) - NOT_CALLED) | set(
        re.findall(r"\b(?:current|local)_\w+|\bsession_user\b", text)
    )


@pytest.mark.parametrize("name", [name for name in STATEMENTS if "do update" in text_of(name)])
def test_a_do_update_calls_no_volatile_function(name: str) -> None:
    assert {function for update in updates(text_of(name)) for function in called(update)} - IMMUTABLE == set()


def test_a_volatile_function_is_seen() -> None:
    assert {
        name
        for text in updates("… do update set at = now(), by = current_user where a in (b);")
        for name in called(text)
    } == {
        "now",
        "current_user",
    }


DUE = "insert into audit.weather_daily_due"


@pytest.mark.parametrize("name", [name for name in STATEMENTS if DUE in text_of(name)])
def test_hours_are_noted_as_due_by_the_transaction_that_rolls_them_up(name: str) -> None:
    """A worker that makes the rows of such a note would say that it has noted them: noted_by is a default."""
    text = text_of(name)
    (source,) = re.findall(DUE + r" \([^)]*\)(.*?)(?:on conflict|returning|;)", text, re.DOTALL)
    assert reads(source) & DISTRIBUTED == set()
    for query in re.finditer(r"\bas (materialized )?\(", text):
        # What is not materialized becomes a part of what reads it.
        assert query[1] or not reads(inside(text, query.end() - 1)) & DISTRIBUTED


@pytest.mark.parametrize("name", SOURCES)
def test_no_partition_is_made_in_the_transaction_that_fills_it(name: str) -> None:
    """tests/warehouse/test_distributable.py looks at what a publish has left; this says which statement it was."""
    source = SOURCES[name]
    assert [
        each for each in source.publish_statements if "partition" in text_of(each).replace("partition by", "")
    ] == []
