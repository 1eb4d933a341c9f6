"""refresh_marts decides from the ledger what is due."""

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from include import marts, warehouse
from tests.conftest import REPO
from tests.warehouse.pipeline import DagRun, Pipeline, wait_for

MARTS = ["daily_weather_aggregates", "daily_wikipedia_page_stats"]
DAY = ("2026-10-05", "2026-10-06")


def test_only_the_mart_of_what_was_published_is_refreshed_and_once(pipeline: Pipeline) -> None:
    pipeline.run("weather", *DAY)
    assert pipeline.refresh_marts() == MARTS[:1]
    assert pipeline.refresh_marts() == []
    pipeline.run("wikipedia", *DAY)
    assert pipeline.refresh_marts() == MARTS[1:]


def test_a_manual_run_refreshes_all(pipeline: Pipeline) -> None:
    assert pipeline.refresh_marts("manual") == MARTS


def test_a_load_published_while_a_refresh_runs_stays_due(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same load is published again after the refresh read what is due."""
    run = pipeline.run("weather", *DAY)

    def run_late(connection: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == "marts/refresh.sql":
            pipeline.finish(run)
        return warehouse.run(connection, name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(marts, "run", run_late)
        assert pipeline.refresh_marts() == MARTS[:1]
    assert pipeline.refresh_marts() == MARTS[:1]


def test_a_publication_stays_due_when_its_load_is_extracted_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marts, "PATIENCE", timedelta(0))
    run = pipeline.run("weather", *DAY)
    pipeline.finish(run, until="extract")
    assert pipeline.refresh_marts() == MARTS[:1]


def test_a_refresh_waits_for_a_load_that_is_about_to_be_published(pipeline: Pipeline) -> None:
    """And shows both at once."""
    pipeline.run("weather", *DAY)
    later = DagRun("weather", "later", {"start_date": DAY[1], "end_date": "2026-10-07"}, pipeline.clock())
    pipeline.finish(pipeline.plan(later), until="validate")
    waits = []

    def publish(seconds: float) -> None:
        waits.append(seconds)
        pipeline.finish(later)

    assert pipeline.refresh_marts(wait=publish) == MARTS[:1]
    assert len(waits) == 1
    assert pipeline.value("SELECT count(*) FROM audit.load WHERE marts_due_since IS NOT NULL") == 0


@pytest.mark.parametrize("column", ["marts_due_since", "planned_at, extracted_at, staged_at, audited_at"])
def test_a_refresh_waits_no_longer_than_its_patience(column: str, pipeline: Pipeline) -> None:
    """A published load has waited long enough, or the other one is stuck."""
    pipeline.run("weather", *DAY)
    stuck = DagRun("weather", "stuck", {"start_date": DAY[1], "end_date": "2026-10-07"}, pipeline.clock())
    pipeline.finish(pipeline.plan(stuck), until="validate")
    for name in column.split(", "):
        pipeline.owner.execute(f"UPDATE audit.load SET {name} = {name} - %s", [marts.PATIENCE])
    assert pipeline.refresh_marts(wait=lambda _: pytest.fail("it waits")) == MARTS[:1]


def test_the_statement_works_as_typed(pipeline: Pipeline) -> None:
    pipeline.run("weather", *DAY)
    for mart in MARTS:
        pipeline.owner.execute(f"REFRESH MATERIALIZED VIEW CONCURRENTLY mart.{mart}")
    assert pipeline.value("SELECT count(*) FROM mart.daily_weather_aggregates") > 0


def test_places_of_one_name_do_not_collide(pipeline: Pipeline) -> None:
    from dataclasses import replace
    from decimal import Decimal

    from tests.warehouse.conftest import follow
    from tests.warehouse.places import BOSTON

    follow(pipeline.owner, [BOSTON, replace(BOSTON, latitude=Decimal("52.97"), longitude=Decimal("-0.02"))], [])
    run = DagRun("weather", "two", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock())
    pipeline.finish(pipeline.plan(run))
    assert pipeline.refresh_marts() == MARTS[:1]


def test_the_query_of_the_runbook_finds_a_refresh_that_runs(pipeline: Pipeline, database: Callable[[str], str]) -> None:
    page = (REPO / "docs" / "runbook.md").read_text(encoding="utf-8")
    [query] = re.findall(r'psql "\$WAREHOUSE_URL" -c "(SELECT pid, application_name.*?)"\n', page, re.DOTALL)
    assert pipeline.rows(query) == []
    with psycopg.connect(database("dw_owner")) as other:
        other.execute("LOCK TABLE core.revision")
        refresh = threading.Thread(target=pipeline.refresh_marts, args=("manual",))
        refresh.start()
        try:
            wait_for(lambda: pipeline.rows(query))
        finally:
            other.rollback()
            refresh.join()


def test_a_refresh_sorts_no_rows_to_look_for_duplicates(pipeline: Pipeline) -> None:
    """It looks among rows without any NULL, in the words of PostgreSQL's own query: see sql/schema/1006_mart_refresh.sql."""
    pipeline.run("weather", *DAY)
    pipeline.refresh_marts()
    mart = "SELECT count(*), count(*) FILTER (WHERE mart.* IS NOT NULL) FROM mart.daily_weather_aggregates AS mart"
    ((rows, looked_at),) = pipeline.rows(mart)
    assert rows > 0 and looked_at == 0


def test_the_mart_is_made_anew_with_the_rights_that_others_have(
    owner: psycopg.Connection, database: Callable[[str], str]
) -> None:
    owner.execute("GRANT SELECT ON mart.daily_weather_aggregates TO public")
    rights = (
        "SELECT acl::text FROM pg_class, unnest(relacl) AS acl WHERE relname = 'daily_weather_aggregates' ORDER BY 1"
    )
    before = owner.execute(rights).fetchall()
    with owner.transaction():
        owner.execute(warehouse.statement("schema/1006_mart_refresh.sql"))
    assert owner.execute(rights).fetchall() == before
