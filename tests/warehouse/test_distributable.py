"""The rules that let the weather be distributed by place (docs/deploy.md, Citus), as far as they can be seen without Citus."""

import psycopg
import pytest

from deploy.citus.distribute import distribute, nodes
from include.errors import WarehouseError
from tests.warehouse import citus
from tests.warehouse.pipeline import Pipeline

WINDOW = ("2026-10-31", "2026-11-02")

KEYS = """
    SELECT index.indrelid::regclass::text, array_agg(columns.attname ORDER BY columns.attnum)
    FROM pg_index AS index
    INNER JOIN pg_attribute AS columns ON columns.attrelid = index.indexrelid
    WHERE index.indisunique AND index.indrelid IN (
        SELECT relid FROM pg_partition_tree('core.weather') UNION ALL SELECT 'core.weather_daily'::regclass
    )
    GROUP BY index.indexrelid, index.indrelid
"""

MADE_BY_WHOEVER_FILLED_THEM = """
    SELECT DISTINCT hour.tableoid::regclass::text
    FROM core.weather AS hour
    INNER JOIN pg_inherits AS month ON hour.tableoid = month.inhrelid
    WHERE hour.xmin = month.xmin
"""


def test_every_unique_key_of_hours_and_days_begins_with_the_place(pipeline: Pipeline) -> None:
    assert pipeline.run("weather", *WINDOW).errors == {}
    found = pipeline.rows(KEYS)
    assert {name for name, _ in found} >= {"core.weather", "core.weather_2026_10", "core.weather_daily"}
    assert [name for name, columns in found if columns[0] != "location_id"] == []


def test_a_month_is_committed_before_it_is_filled_and_the_next_one_is_there(pipeline: Pipeline) -> None:
    assert pipeline.run("weather", *WINDOW).errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 48
    assert pipeline.rows(MADE_BY_WHOEVER_FILLED_THEM) == []
    months = pipeline.rows(
        "SELECT relid::regclass::text FROM pg_partition_tree('core.weather') WHERE isleaf ORDER BY 1"
    )
    assert [name for (name,) in months] == [f"core.weather_2026_{month}" for month in ("10", "11", "12")]


def test_a_publish_that_ends_after_its_month_was_made_is_done_by_the_next_try(
    pipeline: Pipeline, owner: psycopg.Connection
) -> None:
    """What is made is an empty month."""
    owner.execute(
        "CREATE FUNCTION core.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON core.weather_daily FOR EACH STATEMENT EXECUTE FUNCTION core.refuse()"
    )
    run = pipeline.run("weather", *WINDOW)
    assert "no" in run.error
    assert pipeline.value("SELECT count(*) FROM pg_partition_tree('core.weather') WHERE isleaf") == 3
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0
    owner.execute("DROP TRIGGER refuse ON core.weather_daily")
    assert pipeline.finish(run, since="publish").errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather_daily") == 2 * 3


@pytest.mark.skipif(bool(citus.NODES), reason="DW_TEST_CITUS names a cluster")
def test_a_server_without_citus_is_left_as_it_is(
    server: str, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.citus.distribute.DATABASE", owner.info.dbname)
    environment = {
        "WAREHOUSE_ADMIN_URL": server,
        "DW_CITUS_COORDINATOR": "here:5432",
        "DW_CITUS_WORKERS": "postgresql://there/x",
    }
    with pytest.raises(
        WarehouseError,
        match=r"^here:5432: Citus is not to be had here, nothing was distributed: it has to be installed",
    ):
        list(distribute(*nodes(environment), environment))
    key = "SELECT FROM pg_constraint WHERE conname = 'weather_daily_location_id_fkey'"
    assert owner.execute(key).rowcount == 1
