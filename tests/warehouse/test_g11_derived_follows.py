"""G11: what is derived follows what it is derived from. Rollup and marts equal a fresh computation at the next refresh."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import psycopg
import pytest

from include import marts, rollup, warehouse
from include.seeds import SeedLocation
from tests.warehouse.conftest import follow
from tests.warehouse.days import days_of
from tests.warehouse.pipeline import Pipeline, utc
from tests.warehouse.places import BOSTON, KIRITIMATI, PHOENIX
from tests.warehouse.test_g8_bounded import blocks_of_core

WEATHER_MART, WIKIPEDIA_MART = "daily_weather_aggregates", "daily_wikipedia_page_stats"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RAW_IDS = count(1)

KWAJALEIN = SeedLocation("Kwajalein", Decimal("8.72"), Decimal("167.73"), "MH", None, None, "Pacific/Kwajalein")
GOOSE_BAY = SeedLocation("Goose Bay", Decimal("53.3"), Decimal("-60.33"), "CA", None, None, "America/Goose_Bay")
KATHMANDU = SeedLocation("Kathmandu", Decimal("27.71"), Decimal("85.32"), "NP", None, "Kathmandu", "Asia/Kathmandu")
BAKER_ISLAND = SeedLocation("Baker Island", Decimal("0.19"), Decimal("-176.48"), "UM", None, None, "Etc/GMT+12")
PLACES = [KIRITIMATI, BAKER_ISLAND, KATHMANDU, GOOSE_BAY, KWAJALEIN, BOSTON]
ZONES = sorted({place.timezone for place in PLACES} | {"UTC", "America/Moncton", "Pacific/Apia"})

SPANS = [("1969-09-28", 5), ("1994-12-29", 6), ("2010-11-05", 5), ("2011-03-11", 4), ("2026-09-29", 4)]
"""(first day, days) in which clocks do what they can: 47 hours in a day, a date left out, dates that run backwards."""

COLUMNS = (
    "temperature_celsius, humidity_percent, precipitation_mm, cloud_cover_percent, pressure_hpa, wind_speed_mps, "
    "wind_direction_degrees, weather_code"
)
NUMBERS = COLUMNS.count(",") + 1


def publish(pipeline: Pipeline, places: list[str], start: datetime, end: datetime, values: Any = None) -> None:
    """What the task publish does for a load of these places and hours; `values` gives the numbers of an hour."""
    load_id = pipeline.value(
        "INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, "
        "extracted_at, staged_at, audited_at) SELECT 'weather', 'test', 0, 'weather', array_agg(location_id), %s, %s, "
        "'audited', clock_timestamp(), clock_timestamp(), clock_timestamp() FROM core.location "
        "WHERE location_name = ANY(%s) RETURNING load_id",
        start,
        end,
        places,
    )
    raw_id = next(RAW_IDS)
    stage = f"INSERT INTO staging.weather (load_id, raw_id, location_id, observed_at, {COLUMNS}) VALUES (%s, %s, %s, %s"
    ids = pipeline.value("SELECT subject_ids FROM audit.load WHERE load_id = %s", load_id)
    hours = [start + hour * HOUR for hour in range(int((end - start) / HOUR))]
    rows = [(load_id, raw_id, place, hour, *(values or ordinary)(hour)) for place in ids for hour in hours]
    with pipeline.owner.cursor() as cursor:
        cursor.executemany(stage + ", %s" * NUMBERS + ")", rows)
    pipeline.owner.execute("INSERT INTO staging.staged_load VALUES (%s)", [load_id])
    pipeline.execute("weather", "publish", {"load_id": load_id, "label": "test"})


def ordinary(hour: datetime) -> list[Any]:
    return [hour.hour, 50, "0.5", 10, 1000, "2.5", 180, 3]


def days_in_rollup(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    return pipeline.rows(
        "SELECT location_name, observation_date, observation_count, avg_temperature_celsius, min_temperature_celsius, "
        "max_temperature_celsius, avg_humidity_percent, total_precipitation_mm, avg_pressure_hpa, avg_wind_speed_mps, "
        "most_common_weather_code FROM core.weather_daily INNER JOIN core.location USING (location_id) ORDER BY 1, 2"
    )


def days_anew(pipeline: Pipeline) -> list[tuple[Any, ...]]:
    """The days of the rollup as Python makes them of core's hours and of the zones that it knows itself."""
    hours = pipeline.rows(
        f"SELECT location_name, timezone, observed_at, {COLUMNS} FROM core.weather INNER JOIN core.location "
        "USING (location_id) ORDER BY location_name"
    )
    return days_of((place, zone, hour, tuple(values)) for place, zone, hour, *values in hours)


def mart_anew(pipeline: Pipeline, mart: str) -> list[tuple[Any, ...]]:
    """What the mart's own definition says now."""
    definition = pipeline.value("SELECT pg_get_viewdef(%s::regclass)", f"mart.{mart}")
    return pipeline.rows(f"SELECT * FROM ({definition.rstrip(';')}) AS anew ORDER BY 1, 5")


def check_that_all_follows(pipeline: Pipeline) -> None:
    pipeline.refresh_marts()
    assert days_in_rollup(pipeline) == days_anew(pipeline)
    for mart in (WEATHER_MART, WIKIPEDIA_MART):
        assert pipeline.rows(f"SELECT * FROM mart.{mart} ORDER BY 1, 5") == mart_anew(pipeline, mart)
    assert pipeline.refresh_marts() == []


@pytest.fixture
def places(pipeline: Pipeline) -> Pipeline:
    """The pipeline, following the places where clocks do what they can."""
    follow(pipeline.owner, PLACES, [])
    pipeline.refresh_marts()
    return pipeline


@pytest.mark.parametrize("seed", range(8))
def test_g11_rollup_and_mart_follow_any_history(places: Pipeline, seed: int) -> None:
    history = History(places, random.Random(seed))
    history.load_all()
    for _ in range(12):
        check_that_all_follows(places)
        for _ in range(history.random.randrange(1, 4)):
            history.step()
    check_that_all_follows(places)


class History:
    """Loads, and what an owner may do to core, in random order."""

    def __init__(self, pipeline: Pipeline, seeded: random.Random) -> None:
        self.pipeline = pipeline
        self.owner = pipeline.owner
        self.random = seeded

    def step(self) -> None:
        change = self.random.choice([
            self.load, self.load, self.load, self.load, self.delete, self.update, self.insert, self.correct_zone, self.rename,
            self.delete_place, self.damage_rollup, self.change_month, self.rename_condition,
        ])  # fmt: skip
        change()

    def place(self) -> str:
        names = self.pipeline.rows("SELECT location_name FROM core.location ORDER BY 1")
        return str(self.random.choice(names)[0])

    def window(self) -> tuple[datetime, datetime]:
        first, days = self.random.choice(SPANS)
        start = utc(first) + self.random.randrange(days * 24) * HOUR
        return start, start + self.random.choice([1, 5, 24, 60]) * HOUR

    def numbers(self, _: datetime) -> list[Any]:
        values = [
            round(self.random.uniform(low, high), 2)
            for low, high in [(-50, 60), (0, 100), (0, 500), (0, 100), (850, 1100), (0, 120), (0, 360)]
        ]
        known = [value if self.random.random() < 0.8 else None for value in values]
        return [*known, self.random.choice([0, 3, 61, 95])]

    def load_all(self) -> None:
        names = [place.location_name for place in PLACES]
        for first, days in SPANS:
            publish(self.pipeline, names, utc(first), utc(first) + days * DAY, self.numbers)
        assert len(days_anew(self.pipeline)) > len(PLACES) * len(SPANS)

    def load(self) -> None:
        names = {self.place() for _ in range(self.random.randrange(1, 4))}
        publish(self.pipeline, sorted(names), *self.window(), self.numbers)

    def where(self) -> str:
        start, end = self.window()
        place = f"location_id = (SELECT location_id FROM core.location WHERE location_name = '{self.place()}')"
        span = f"observed_at >= '{start}' AND observed_at < '{end}'"
        return self.random.choice([place, span, f"{place} AND {span}"])

    def table(self) -> str:
        """The whole, or one of its months."""
        months = [name for (name,) in self.pipeline.rows(MONTHS)]
        return self.random.choice(["core.weather", *months])

    def delete(self) -> None:
        self.owner.execute(f"DELETE FROM {self.table()} WHERE {self.where()}")

    def update(self) -> None:
        change = self.random.choice(["temperature_celsius = 1.23", "weather_code = NULL"])
        self.owner.execute(f"UPDATE {self.table()} SET {change} WHERE {self.where()}")

    def insert(self) -> None:
        """Also moves hours to another place and another month."""
        start, end = self.window()
        self.owner.execute("SELECT core.ensure_weather_partitions(%s, %s)", [start, end])
        self.owner.execute(
            f"INSERT INTO core.weather (location_id, observed_at, {COLUMNS}, raw_id, load_id) "
            "SELECT location_id, hour, 1, 2, 3, 4, 900, 6, 7, 8, 0, 0 FROM core.location, "
            "generate_series(%s, %s, interval '1 hour') AS hour WHERE location_name = %s AND hour < %s "
            "ON CONFLICT DO NOTHING",
            [start, end, self.place(), end],
        )
        self.owner.execute("DELETE FROM core.weather WHERE observed_at = %s + interval '1 hour'", [start])
        self.owner.execute(
            "UPDATE core.weather SET observed_at = observed_at + interval '1 hour' WHERE observed_at = %s", [start]
        )

    def correct_zone(self) -> None:
        zone = self.random.choice(ZONES)
        self.owner.execute("UPDATE core.location SET timezone = %s WHERE location_name = %s", [zone, self.place()])

    def rename(self) -> None:
        column = self.random.choice(["city", "country", "location_name"])
        name = f"{self.random.randrange(1000)}"
        self.owner.execute(f"UPDATE core.location SET {column} = %s WHERE location_name = %s", [name, self.place()])

    def delete_place(self) -> None:
        """Its hours stay in core; it may come back under its number."""
        if self.pipeline.value("SELECT count(*) FROM core.location") > 4:
            self.owner.execute("DELETE FROM core.location WHERE location_name = %s", [self.place()])
        else:
            self.owner.execute(
                "INSERT INTO core.location (location_id, location_name, latitude, longitude, timezone) "
                "OVERRIDING SYSTEM VALUE SELECT location_id, 'again ' || location_id, 0, 0, 'Asia/Kathmandu' "
                "FROM (SELECT location_id FROM core.weather EXCEPT SELECT location_id FROM core.location) AS gone"
            )

    def damage_rollup(self) -> None:
        damage = self.random.choice([
            "DELETE FROM core.weather_daily WHERE observation_count < 24",
            "UPDATE core.weather_daily SET observation_count = 99 WHERE avg_temperature_celsius > 0",
            "TRUNCATE core.weather_daily",
        ])  # fmt: skip
        self.owner.execute(damage)

    def change_month(self) -> None:
        if months := self.pipeline.rows(MONTHS):
            month = self.random.choice(months)[0]
            change = self.random.choice([
                "TRUNCATE {month}", "DROP TABLE {month}", "TRUNCATE core.weather",
                "ALTER TABLE core.weather DETACH PARTITION {month}; DROP TABLE {month}",
            ])  # fmt: skip
            self.owner.execute(change.format(month=month))

    def rename_condition(self) -> None:
        self.owner.execute(
            "UPDATE core.weather_condition SET description = %s WHERE weather_code = 3", [str(self.random.random())]
        )


MONTHS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'core.weather'::regclass ORDER BY 1"


def test_g11_a_day_of_47_hours_loaded_in_parts_is_whole(places: Pipeline) -> None:
    for start, end in (("1969-09-29", "1969-10-01T10"), ("1969-10-01T10", "1969-10-02")):
        publish(places, ["Kwajalein"], utc(start), utc(end))
    counts = places.rows("SELECT observation_date, observation_count FROM core.weather_daily ORDER BY 1")
    assert counts[1] == (date(1969, 9, 30), 47)
    assert days_in_rollup(places) == days_anew(places)


def test_g11_a_date_that_comes_back_for_an_hour_is_whole(places: Pipeline) -> None:
    """At 00:01 of 7 November 2010 the clocks of Goose Bay went back to 23:01 of the 6th."""
    publish(places, ["Goose Bay"], utc("2010-11-05"), utc("2010-11-07T04"))
    assert days_in_rollup(places) == days_anew(places)


def test_g11_a_corrected_zone_leaves_no_ghost_day_and_counts_no_hour_twice(places: Pipeline) -> None:
    publish(places, ["Boston"], utc("2026-10-05"), utc("2026-10-07"))
    follow(places.owner, [*PLACES[:-1], replace(BOSTON, timezone="Asia/Tokyo")], [])
    check_that_all_follows(places)
    assert places.rows(f"SELECT observation_date, observation_count FROM mart.{WEATHER_MART} ORDER BY 1") == [
        (date(2026, 10, 5), 15), (date(2026, 10, 6), 24), (date(2026, 10, 7), 9),
    ]  # fmt: skip


def test_g11_a_new_city_reaches_the_mart(places: Pipeline) -> None:
    publish(places, ["Boston"], utc("2026-10-05"), utc("2026-10-07"))
    places.refresh_marts()
    follow(places.owner, [*PLACES[:-1], replace(BOSTON, city="Boston, Mass.")], [])
    assert places.refresh_marts() == [WEATHER_MART]
    assert places.rows(f"SELECT DISTINCT city FROM mart.{WEATHER_MART}") == [("Boston, Mass.",)]


def test_g11_places_that_are_followed_or_no_longer_change_no_mart(places: Pipeline) -> None:
    follow(places.owner, [BOSTON, PHOENIX], [])
    follow(places.owner, PLACES, [])
    assert places.refresh_marts() == []


def test_g11_what_the_owner_deletes_leaves_rollup_and_mart(places: Pipeline) -> None:
    publish(places, ["Boston", "Kathmandu"], utc("2026-10-05"), utc("2026-10-08"))
    places.refresh_marts()
    places.owner.execute("DELETE FROM core.weather WHERE observed_at >= '2026-10-06T06:00Z'")
    check_that_all_follows(places)
    assert places.value(f"SELECT count(*) FROM mart.{WEATHER_MART}") == 5


@pytest.mark.parametrize("first", ["core.weather_2026_10", "core.weather_2026_11"])
def test_g11_a_month_that_is_taken_out_and_put_back_is_followed(places: Pipeline, first: str) -> None:
    publish(places, ["Boston"], utc("2026-10-29"), utc("2026-11-03"))
    check_that_all_follows(places)
    bounds = places.value("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass", first)
    places.owner.execute(f"ALTER TABLE core.weather DETACH PARTITION {first}")
    whole = days_in_rollup(places)
    check_that_all_follows(places)
    assert len(days_in_rollup(places)) < len(whole)
    places.owner.execute(f"ALTER TABLE core.weather ATTACH PARTITION {first} {bounds}")
    check_that_all_follows(places)
    assert days_in_rollup(places) == whole


def test_g11_a_deletion_that_is_committed_after_the_refresh_has_looked_stays_due(
    places: Pipeline, database: Callable[[str], str]
) -> None:
    publish(places, ["Boston"], utc("2026-10-05"), utc("2026-10-08"))
    places.owner.execute("UPDATE core.weather SET temperature_celsius = 1")
    with psycopg.connect(database("dw_owner")) as slow:
        slow.execute("DELETE FROM core.weather WHERE observed_at < '2026-10-07Z'")
        places.refresh_marts()
        assert len(days_in_rollup(places)) == 4
    check_that_all_follows(places)
    assert len(days_in_rollup(places)) == 2


def test_g11_a_change_that_is_committed_while_the_mart_is_refreshed_stays_due(
    places: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(places, ["Boston"], utc("2026-10-05"), utc("2026-10-08"))

    def rename_meanwhile(connection: Any, name: str, parameters: Any = None) -> Any:
        if name == "marts/mark_refreshed.sql":
            places.owner.execute("UPDATE core.location SET city = 'New'")
        return warehouse.run(connection, name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(marts, "run", rename_meanwhile)
        assert places.refresh_marts() == [WEATHER_MART]
    assert places.refresh_marts() == [WEATHER_MART]
    check_that_all_follows(places)


def test_g11_a_place_that_is_deleted_leaves_the_mart_and_comes_back_with_its_hours(places: Pipeline) -> None:
    publish(places, ["Boston", "Kathmandu"], utc("2026-10-05"), utc("2026-10-08"))
    check_that_all_follows(places)
    whole = days_in_rollup(places)
    places.owner.execute("CREATE TABLE public.kept AS SELECT * FROM core.location WHERE location_name = 'Boston'")
    places.owner.execute("DELETE FROM core.location WHERE location_name = 'Boston'")
    check_that_all_follows(places)
    assert places.rows(f"SELECT DISTINCT location_name FROM mart.{WEATHER_MART}") == [("Kathmandu",)]
    places.owner.execute("INSERT INTO core.location OVERRIDING SYSTEM VALUE SELECT * FROM public.kept")
    check_that_all_follows(places)
    assert days_in_rollup(places) == whole


@pytest.mark.parametrize("statement", ["marts/refresh.sql", "weather/roll_up_days.sql"])
def test_g11_a_refresh_that_fails_midway_stays_due(
    places: Pipeline, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    publish(places, ["Boston"], utc("2026-10-05"), utc("2026-10-08"))
    places.refresh_marts()
    places.owner.execute("DELETE FROM core.weather WHERE observed_at < '2026-10-07Z'")

    def fail(connection: Any, name: str, parameters: Any = None) -> Any:
        if name == statement:
            raise ConnectionError
        return warehouse.run(connection, name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(marts, "run", fail)
        patch.setattr(rollup, "run", fail)
        with pytest.raises(ConnectionError):
            places.refresh_marts()
    check_that_all_follows(places)


def test_g11_many_places_are_rolled_up_in_groups(places: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a publish waits for a hundred places at most."""
    publish(places, [place.location_name for place in PLACES], utc("2026-10-05"), utc("2026-10-08"))
    monkeypatch.setattr(rollup, "PLACES_AT_ONCE", 2)
    places.owner.execute("UPDATE core.location SET timezone = 'Asia/Tokyo'")
    with recorded(monkeypatch) as groups:
        check_that_all_follows(places)
    assert [len(group) for group in groups] == [2, 2, 2, 1]


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[int]]]:
    """The places of each transaction that rolls up."""
    groups: list[list[int]] = []

    def run(connection: Any, name: str, parameters: Any = None) -> Any:
        if name == "weather/take_due_days.sql":
            groups.append(parameters["location_ids"])
        return warehouse.run(connection, name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "run", run)
        yield groups


@pytest.mark.parametrize("change", ["DELETE FROM core.weather", "UPDATE core.weather SET weather_code = 1"])
def test_g11_what_a_change_costs_does_not_depend_on_the_history(
    places: Pipeline, database: Callable[[str], str], change: str
) -> None:
    """Of rolling it up; the mart is read whole."""
    costs = []
    for start in ("2026-08-01", "2023-08-01"):
        publish(places, ["Boston"], utc(start), utc("2026-11-01"))
        places.owner.execute(f"{change} WHERE observed_at >= '2026-10-01Z' AND observed_at < '2026-10-02Z'")
        places.owner.execute("SELECT pg_stat_force_next_flush()")  # what the owner looked at is not its cost
        before = blocks_of_core(places)
        with psycopg.connect(database("dw_loader"), autocommit=True) as loader:
            rollup.roll_up_due_days(loader)
        costs.append(blocks_of_core(places) - before)
        assert days_in_rollup(places) == days_anew(places)
    after_a_quarter, after_three_years = costs
    assert 0 < after_three_years < 1.5 * after_a_quarter + 32


def test_g11_loads_leave_nothing_due_but_their_mart(places: Pipeline) -> None:
    for end in ("2026-10-08", "2026-11-03"):
        publish(places, ["Boston"], utc("2026-10-05"), utc(end))
    assert places.value("SELECT count(*) FROM audit.weather_daily_due") == 0
    assert places.value("SELECT count(*) FROM audit.mart_due") == 0
    places.refresh_marts()
    with places.owner.transaction():
        places.owner.execute("LOCK TABLE core.weather_daily IN EXCLUSIVE MODE")
        places.refresh_marts()  # which would wait if it wrote the rollup


def test_g11_no_number_that_core_holds_stops_rollup_or_mart(places: Pipeline) -> None:
    publish(places, ["Boston", "Kwajalein"], utc("1969-09-28"), utc("1969-10-03"))
    places.owner.execute(
        "UPDATE core.weather SET temperature_celsius = -999.99, humidity_percent = 999.99, precipitation_mm = 9999.99, "
        "cloud_cover_percent = 999.99, pressure_hpa = 9999.99, wind_speed_mps = 999.999, weather_code = -32768"
    )
    check_that_all_follows(places)
    assert places.value(f"SELECT max(total_precipitation_mm) FROM mart.{WEATHER_MART}") == Decimal("469999.53")


def test_g11_a_zone_that_the_warehouse_does_not_know_is_refused(places: Pipeline) -> None:
    for change in (
        "UPDATE core.location SET timezone = 'Nowhere'",
        "INSERT INTO core.location (location_name, latitude, longitude, timezone) VALUES ('x', 0, 0, 'Nowhere')",
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="Nowhere"):
            places.owner.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE core.revision SET revision_user = 'someone else'",
        "DELETE FROM core.revision WHERE revision_timestamp < '2026-10-05T12:00Z'",
        "TRUNCATE core.revision",
        "UPDATE core.wikipedia_page SET page_title = 'Another title'",
        "TRUNCATE core.wikipedia_page",
    ],
)
def test_g11_the_mart_of_pages_follows_what_the_owner_changes(pipeline: Pipeline, change: str) -> None:
    pipeline.run("wikipedia", "2026-10-05", "2026-10-07")
    pipeline.refresh_marts()
    before = mart_anew(pipeline, WIKIPEDIA_MART)
    pipeline.owner.execute(change)
    assert mart_anew(pipeline, WIKIPEDIA_MART) != before
    assert pipeline.refresh_marts() == [WIKIPEDIA_MART]
    check_that_all_follows(pipeline)
