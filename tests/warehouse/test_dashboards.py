"""The queries of docs/usage.md read what they tell of, whatever the history."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg

from include.warehouse import Connection
from tests.bench.dashboards import explained, queries, scans
from tests.bench.history import Warehouse, today

PLACES = 20
"""And pages."""

SHARE = 0.2
"""Of a history, at most: no query asks for more than a tenth of it."""


def test_what_dashboards_ask_is_found_by_an_index(database: Callable[[str], str], owner: Connection) -> None:
    with (
        psycopg.connect(database("dw_loader"), autocommit=True) as loader,
        psycopg.connect(database("dw_reader"), autocommit=True) as reader,
    ):
        warehouse = Warehouse(database, owner, loader)
        warehouse.follow_places(PLACES)
        warehouse.follow_pages(PLACES)
        end = today() + timedelta(days=1)
        warehouse.add_hours(end - timedelta(days=100), end)
        warehouse.add_revisions(end - timedelta(days=1000), end)
        # Ten years of days: their rollup alone is read.
        loader.execute(
            "INSERT INTO core.weather_daily (location_id, observation_date, observation_count) "
            "SELECT location_id, day::date, 24 FROM core.location, generate_series(%s, %s, interval '1 day') AS day ORDER BY 2, 1",
            [end - timedelta(days=3650), end - timedelta(days=1)],
        )
        warehouse.analyze()
        warehouse.refresh_marts()
        asked = queries()
        assert len(asked) == 5
        for what, query in asked.items():
            plan = explained(reader, query)["Plan"]
            read = scans(plan)
            looked_at = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in read)
            assert 0 < looked_at < SHARE * min(rows_of(owner, table_of(node)) for node in read), what
            assert [node for node in read if node["Node Type"] == "Seq Scan"] == [], what


def table_of(node: dict[str, Any]) -> str:
    """What a scan reads; of hours all months."""
    return "core.weather" if node["Relation Name"].startswith("weather_2") else f"mart.{node['Relation Name']}"


def rows_of(owner: Connection, table: str) -> int:
    """How many a table has."""
    row = owner.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])
