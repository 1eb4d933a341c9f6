"""The page Warehouse and its API against a real warehouse: who sees what, and that it shows what the tables say."""

import csv
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest
from anyio import CapacityLimiter, create_task_group, run, sleep
from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.command import PREFIX
from include.gaps import note_catchup
from include.settings import read_settings
from sandbox import Fault, Sandbox
from tests.conftest import REPO
from tests.warehouse.pipeline import Pipeline

START, FAULTY, GAP, END = "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19"
"""A good day, one on which Boston is withheld, one that nobody loads; what is due begins with the first."""

Url = Callable[[str], str]
Login = Callable[[str | None], TestClient]


@pytest.fixture
def login(database: Url, monkeypatch: pytest.MonkeyPatch) -> Login:
    """The page as a user of this role of Airflow's SimpleAuthManager sees it, below a prefix; None is nobody."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.dag import DagModel
    from airflow.models.revoked_token import RevokedToken

    from plugins.warehouse_page import Page

    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_READER", database("dw_reader"))
    monkeypatch.setenv(
        "AIRFLOW__API_AUTH__JWT_SECRET", "a secret of the tests, long enough for its algorithm: it signs, so 64 bytes"
    )
    # What they ask Airflow's database, which is not there.
    monkeypatch.setattr(DagModel, "get_team_name", lambda *_, **__: None)
    monkeypatch.setattr(RevokedToken, "is_revoked", lambda *_, **__: False)
    airflow = FastAPI()
    airflow.mount("/warehouse", Page())
    manager = create_auth_manager()

    def as_user(role: str | None) -> TestClient:
        user = SimpleAuthManagerUser(username="somebody", role=role)
        cookies = {"_token": manager.generate_jwt(user)} if role else {}
        return TestClient(airflow, base_url="http://airflow", root_path="/prefix", cookies=cookies)

    return as_user


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Takes a right on some DAGs from everybody."""
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    allows = SimpleAuthManager.is_authorized_dag

    def take(method: str, *dag_ids: str) -> None:
        def is_authorized(self: Any, **asked: Any) -> bool:
            refused = asked["method"] == method and asked["details"].id in dag_ids
            return not refused and allows(self, **asked)

        monkeypatch.setattr(SimpleAuthManager, "is_authorized_dag", is_authorized)

    return take


@pytest.fixture
def loaded(pipeline: Pipeline, sandbox: Sandbox) -> Pipeline:
    """Weather of a good day and of one that is bad in Boston, revisions of both; a day is missing."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    pipeline.run("weather", START, FAULTY)
    pipeline.run("wikipedia", START, GAP)
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    pipeline.run("weather", FAULTY, GAP, conf={"locations": ["Boston"]})
    sandbox.faults.clear()
    pipeline.run("weather", FAULTY, GAP, conf={"locations": ["Phoenix"]})
    pipeline.refresh_marts("manual")
    return pipeline


def get(client: TestClient, path: str, code: int = 200, **query: Any) -> Any:
    """The JSON or the text of a page."""
    response = client.get(f"/prefix/warehouse{path}", params=query or None)
    assert response.status_code == code, response.text[:1000]
    return response.json() if "json" in response.headers["content-type"] else response.text


PAGES = ("/", "/coverage", "/quality", "/marts", "/loads")

EVERYTHING = (
    *PAGES,
    "/loads/1",
    "/coverage/weather/1/2026-11-17",
    "/quality/responses/3/3",
    "/api/freshness",
    "/api/coverage/weather",
    "/api/coverage/weather/1/2026-11-17",
    "/api/loads",
    "/api/loads/1",
    "/api/quality/rates",
    "/api/quality/rejections",
    "/api/quality/withheld",
    "/api/quality/results/1",
    "/api/quality/responses/3/3",
    "/api/marts",
    "/api/marts/weather/daily_weather_aggregates",
    "/api/marts/weather/daily_weather_aggregates/data.csv",
    "/api/marts/weather/daily_weather_aggregates/chart.svg",
    "/api/marts/weather/daily_weather_aggregates/chart.png",
    "/openapi.json",
)


def test_nobody_sees_anything_and_is_told_to_log_in(login: Login, loaded: Pipeline) -> None:
    client = login(None)
    for path in EVERYTHING:
        get(client, path, 401)
    assert 'href="/prefix/"' in get(client, "/", 401)
    forged = TestClient(client.app, root_path="/prefix", cookies={"_token": "forged"})
    assert forged.get("/prefix/warehouse/").status_code in (401, 403)


def test_who_may_not_see_the_dags_sees_nothing(login: Login, loaded: Pipeline, refuse: Callable[..., None]) -> None:
    refuse("GET", "weather", "wikipedia")
    client = login("viewer")
    for path in EVERYTHING:
        get(client, path, 403)


def test_the_data_of_a_source_are_for_who_sees_its_dag(
    login: Login, loaded: Pipeline, refuse: Callable[..., None]
) -> None:
    refuse("GET", "weather")
    client = login("viewer")
    assert {row["source"] for row in get(client, "/api/freshness")["rows"]} == {"wikipedia"}
    assert {load["source"] for load in get(client, "/api/loads")["loads"]} == {"wikipedia"}
    assert get(client, "/api/quality/rejections")["rows"] == []
    for path in ("/api/coverage/weather", "/api/loads/1", "/api/quality/responses/3/3", "/api/loads?source=weather"):
        get(client, path, 404)
    states = {advice["check"]: advice["state"] for advice in get(client, "/api/freshness")["advice"]}
    assert states["withheld"] == states["failed loads"] == "good"


def test_a_viewer_sees_every_section_under_a_policy_and_a_prefix(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    for path in (*PAGES, "/loads/3", "/coverage/weather/1/2026-11-17", "/quality/responses/3/3", "/loads/999"):
        response = client.get(f"/prefix/warehouse{path}")
        assert response.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
        assert response.headers["x-content-type-options"] == "nosniff"
        document = response.text
        assert not re.search(r"<script(?! src=)|\sstyle=|\son\w+=|<style", document)
        addresses = re.findall(r'(?:href|src|action)="([^"#][^"]*)"', document)
        assert [each for each in addresses if not each.startswith(("/prefix/", "https://"))] == []
    assert {path for path in get(client, "/openapi.json")["paths"] if path.startswith("/api/")} > {"/api/loads"}


def test_the_calendar_says_what_coverage_says(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    calendar = get(client, "/api/coverage/weather", month="2026-11")
    shown = {(line["subject"]["subject"], day["day"]): day for line in calendar["lines"] for day in line["days"]}
    assert calendar["total"] == len(calendar["lines"]) == 2
    query = """
        SELECT
            subject,
            day::date::text,
            sum(extract(EPOCH FROM least(window_end, day + interval '24 hours') - greatest(window_start, day)))::int
        FROM audit.coverage
        CROSS JOIN generate_series('2026-11-01'::timestamptz, '2026-11-30', '24 hours') AS day
        WHERE source = 'weather' AND state = 'loaded' AND window_start < day + interval '24 hours' AND window_end > day
        GROUP BY 1, 2
    """
    loaded_seconds = {(subject, day): seconds for subject, day, seconds in loaded.rows(query)}
    assert {key: day["loaded"] for key, day in shown.items() if day["loaded"]} == loaded_seconds
    page = get(client, "/coverage", source="weather", month="2026-11")
    states = dict(re.findall(r'aria-label="(\w+, 2026-11-1\d): (\w+)', page))
    assert states == {
        **{f"{place}, 2026-11-{day}": "not" for place in ("Boston", "Phoenix") for day in range(10, 16)},
        **{f"{place}, 2026-11-16": "complete" for place in ("Boston", "Phoenix")},
        "Boston, 2026-11-17": "withheld",
        "Phoenix, 2026-11-17": "complete",
        **{f"{place}, 2026-11-{day}": "missing" for place in ("Boston", "Phoenix") for day in (18, 19)},
    }
    assert [line["subject"]["subject"] for line in get(client, "/api/coverage/weather", q="PHOE")["lines"]] == [
        "Phoenix"
    ]
    assert get(client, "/api/coverage/weather", skip=1, month="2026-11")["lines"][0]["subject"]["subject"] == "Phoenix"


def test_a_failed_load_is_in_the_calendar(login: Login, loaded: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.bad_request("Data is not available", times=None))
    loaded.run("weather", GAP, END)
    day = get(login("viewer"), f"/api/coverage/weather/1/{GAP}")["days"][0]
    assert (day["reason"], day["load_id"], day["loaded"]) == ("failed", 5, 0)
    (failed,) = get(login("viewer"), "/api/loads", status="failed")["loads"]
    assert (failed["load_id"], "Data is not available" in failed["error"]) == (5, True)


def test_a_gap_has_its_command_and_a_button_for_who_may_start_a_run(login: Login, loaded: Pipeline) -> None:
    path = f"/coverage/weather/1/{GAP}"
    for_admin, for_viewer = get(login("admin"), path), get(login("viewer"), path)
    conf = {"start_date": GAP, "end_date": END, "locations": ["Boston"]}
    (shown,) = re.findall(r'data-conf="([^"]*)"', for_admin)
    assert json.loads(unescape(shown)) == conf
    assert "data-conf" not in for_viewer
    for page in (for_admin, for_viewer):
        assert f"airflow dags trigger weather -c '{json.dumps(conf)}'" in unescape(page)
    assert "What fills it" not in get(login("admin"), f"/coverage/weather/1/{START}")


def test_the_loads_are_those_of_the_ledger(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    columns = (
        "load_id",
        "source",
        "run_id",
        "status",
        "rows_staged",
        "rows_quarantined",
        "units_withheld",
        "rows_changed",
    )
    shown = [tuple(load[column] for column in columns) for load in get(client, "/api/loads")["loads"]]
    assert shown == loaded.rows(f"SELECT {', '.join(columns)} FROM audit.load ORDER BY load_id DESC")
    asked: list[tuple[dict[str, Any], list[int]]] = [
        ({"source": "wikipedia"}, [2]),
        ({"status": "rejected"}, [3]),
        ({"q": "SET ASIDE"}, [3]),
        ({"subject_id": 2, "source": "weather"}, [4, 1]),
        ({"day": FAULTY, "source": "weather"}, [4, 3]),
        ({"before": 3}, [2, 1]),
        ({"run_id": "no such"}, []),
    ]
    for query, found in asked:
        assert [load["load_id"] for load in get(client, "/api/loads", **query)["loads"]] == found, query
    page = get(client, "/loads")
    assert re.search(r'href="/prefix/dags/weather/runs/test_\d+/tasks/load.validate/mapped/0"', page)


def test_a_page_of_loads_leads_to_the_next(login: Login, loaded: Pipeline) -> None:
    for _ in range(50):
        loaded.owner.execute(
            "INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status) "
            "VALUES ('weather', 'a run & more', 0, 'weather', '{1}', '2020-01-01', '2020-01-02', 'extracting')"
        )
    client = login("viewer")
    first = get(client, "/api/loads")
    assert (len(first["loads"]), first["before"]) == (50, first["loads"][-1]["load_id"])
    rest = get(client, "/api/loads", before=first["before"])
    assert ([load["load_id"] for load in rest["loads"]], rest["before"]) == ([4, 3, 2, 1], None)
    page = get(client, "/loads")
    assert f"before={first['before']}" in page and page.count("<progress") == 50 and "data-live" in page


def test_what_audits_left_out_is_shown_with_its_response(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    withheld = get(client, "/api/quality/withheld")["rows"]
    assert [(unit["load_id"], unit["subject"], unit["span_start"][:10], unit["raw_ids"]) for unit in withheld] == [
        (3, "Boston", FAULTY, [3])
    ]
    rejections = get(client, "/api/quality/rejections")["rows"]
    assert {(row["load_id"], row["subject"], row["value"], row["raw_id"]) for row in rejections} == {
        (3, "Boston", "999.9", 3)
    }
    assert len(rejections) == loaded.value("SELECT count(*) FROM audit.quarantine")
    assert len(get(client, "/api/quality/rejections", q=f"{FAULTY}T03")["rows"]) == 1
    assert get(client, "/api/quality/withheld", q="Phoenix")["rows"] == []
    response = get(client, "/api/quality/responses/3/3")
    stored = loaded.rows("SELECT payload, url FROM raw.weather_observations WHERE id = 3")
    assert [(response["payload"], response["url"])] == stored
    assert stored[0][0] in unescape(get(client, "/quality/responses/3/3"))
    get(client, "/api/quality/responses/3/1", 404)  # nothing of it was rejected
    failed = [result for result in get(client, "/api/quality/results/3") if not result["success"]]
    assert {result["expectation"] for result in failed} == {"expect_column_values_to_be_between", "few_hours_set_aside"}


def test_pass_rates_are_counted(login: Login, loaded: Pipeline) -> None:
    rates = get(login("viewer"), "/api/quality/rates")["rates"]
    query = (
        "SELECT source, expectation, coalesce(\"column\", ''), count(*), count(*) FILTER (WHERE success) "
        "FROM audit.validation_result INNER JOIN audit.load USING (load_id) GROUP BY 1, 2, 3"
    )
    counted = {
        (each["source"], each["expectation"], each["column"] or "", each["audits"], each["passed"]) for each in rates
    }
    assert counted == set(loaded.rows(query))


def test_freshness_is_that_of_the_view_with_the_doctors_words(login: Login, loaded: Pipeline) -> None:
    health = get(login("viewer"), "/api/freshness")
    shown = [
        (row["source"], row["mart"], row["last_load_id"], row["is_data_late"], row["is_mart_late"])
        for row in health["rows"]
    ]
    assert shown == loaded.rows(
        "SELECT source, mart, last_load_id, is_data_late, is_mart_late FROM audit.freshness ORDER BY 1, 2"
    )
    told = {advice["check"]: (advice["state"], advice["fix"]) for advice in health["advice"]}
    (run_id,) = loaded.rows("SELECT run_id FROM audit.load WHERE load_id = 3")[0]
    assert told["withheld"] == ("bad", f"airflow dags clear weather --run-id {run_id} --yes")
    assert told["marts"][0] == "good" and "data late" in get(login("viewer"), "/")


@pytest.mark.parametrize(
    ("prefix", "command"), [("", "python -m include doctor"), ("./airflow.sh", "./airflow.sh python -m include doctor")]
)
def test_the_page_names_the_doctor_as_it_is_typed_in_its_stack(
    login: Login, monkeypatch: pytest.MonkeyPatch, prefix: str, command: str
) -> None:
    monkeypatch.setenv(PREFIX, prefix)
    assert f"<code>{command}</code> looks at more" in get(login("viewer"), "/")


MART = "/api/marts/weather/daily_weather_aggregates"
DAYS = {"first": "2026-11-10", "end": "2026-11-20"}


def test_a_mart_is_shown_as_it_is(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    marts = {each["mart"]: each for each in get(client, "/api/marts")}
    assert set(marts) == {"daily_weather_aggregates", "daily_wikipedia_page_stats"}
    columns = [column["name"] for column in marts["daily_weather_aggregates"]["columns"]]
    assert columns[:2] == ["observation_count", "avg_temperature_celsius"] and "location_id" not in columns
    shown = [tuple(row) for row in get(client, MART, subject_id=[2, 1], **DAYS)["rows"]]
    query = f"SELECT location_id, observation_date::text, {', '.join(columns)} FROM mart.daily_weather_aggregates ORDER BY 1, 2"
    stored = [(key, day, count, *(str(value) for value in rest)) for key, day, count, *rest in loaded.rows(query)]
    assert shown == stored and len({row[0] for row in stored}) == 2
    header, *lines = csv.reader(get(client, f"{MART}/data.csv", subject_id=[2, 1], **DAYS).splitlines())
    assert header == ["location_id", "subject", "observation_date", *columns]
    names = {1: "Boston", 2: "Phoenix"}
    assert lines == [[str(key), names[key], *map(str, rest)] for key, *rest in stored]
    only = get(client, MART, subject_id=[1], measure="avg_temperature_celsius", **DAYS)["measures"]["columns"]
    assert [column["name"][:4] for column in only] == ["avg_", "min_", "max_"]


def test_a_mart_is_drawn(login: Login, loaded: Pipeline) -> None:
    client = login("viewer")
    query = urlencode({"subject_id": [1, 2], "measure": "avg_temperature_celsius", **DAYS}, doseq=True)
    svg = get(client, f"{MART}/chart.svg?{query}")
    assert svg.startswith("<svg") and "temperature, °C" in svg and "Phoenix" in svg
    assert not re.search(r"<script|<foreignObject|\sstyle=|\son\w+=", svg)
    assert client.get(f"/prefix/warehouse{MART}/chart.png?{query}").content.startswith(b"\x89PNG")
    page = unescape(get(client, f"/marts?mart=daily_weather_aggregates&{query}"))
    (address,) = re.findall(r'<img class="chart" src="([^"]*)"', page)
    assert client.get(address).text == svg
    assert "https://creativecommons.org/licenses/by/4.0/" in page and "2 places" not in page
    assert get(client, "/marts?source=wikipedia").count("mart.daily_wikipedia_page_stats") == 1


def test_a_plot_that_cannot_be_drawn_is_said_so(
    login: Login, loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.view import charts

    monkeypatch.setattr(charts, "document", lambda *_, **__: {"mark": "of the tests"})
    for ending in ("svg", "png"):
        assert "cannot be drawn" in get(login("viewer"), f"{MART}/chart.{ending}", 503)["detail"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{MART}?first=2026-11-10&end=2026-11-10", 422),
        (f"{MART}?first=1940-01-01&end=2026-11-10", 422),
        (f"{MART}?{'&'.join(['subject_id=1'] * 7)}", 422),
        ("/api/marts/wikipedia/daily_weather_aggregates", 404),
        ("/api/marts/weather/no_such_mart", 404),
        ("/marts?subject_id=99", 200),
    ],
)
def test_what_cannot_be_drawn_is_refused(path: str, code: int, login: Login, loaded: Pipeline) -> None:
    get(login("viewer"), path, code)


HOSTILE = "<img src=x onerror=alert(1)>\"'&{{ 7001*7001 }}"


def test_hostile_words_stay_text(login: Login, loaded: Pipeline) -> None:
    loaded.owner.execute("UPDATE core.location SET location_name = %s WHERE location_id = 1", [HOSTILE])
    loaded.owner.execute("UPDATE audit.load SET error = %s, run_id = %s WHERE load_id = 3", [HOSTILE, HOSTILE])
    loaded.owner.execute("UPDATE audit.withheld SET observed = %s", [HOSTILE])
    loaded.owner.execute("UPDATE audit.quarantine SET value = %s", [HOSTILE])
    client = login("admin")
    for path in ("/", "/coverage?month=2026-11", "/quality", "/loads", "/loads/3", f"/coverage/weather/1/{GAP}"):
        document = get(client, path)
        # A product that no moment or count on the page can be by chance.
        assert "<img" not in document and "49014001" not in document
        assert path == "/" or HOSTILE in unescape(document), path
    echoed = get(client, "/loads", q=HOSTILE)
    assert "<img" not in echoed


@pytest.mark.parametrize(
    "path",
    [
        "/coverage?month=2026-13",
        "/coverage?skip=-1",
        "/loads?before=x",
        "/loads?status=good",
        "/loads/99999999999999999999",
        "/coverage/weather/1/2026-02-30",
        "/api/loads?before=-1",
    ],
)
def test_what_cannot_be_read_is_refused(path: str, login: Login, loaded: Pipeline) -> None:
    get(login("viewer"), path, 422)


@pytest.mark.parametrize(
    "path",
    [
        "/coverage?source=nothing",
        "/coverage/weather/99/2026-11-17",
        "/loads/99",
        "/no/page",
        "/coverage/weather/1/0001-01-01",
    ],
)
def test_what_is_not_there_is_not_found(path: str, login: Login, loaded: Pipeline) -> None:
    assert "<h2>" in get(login("viewer"), path, 404)


def test_a_warehouse_that_is_away_or_old_or_closed_is_said_so(
    login: Login, loaded: Pipeline, database: Url, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = login("viewer")
    loaded.owner.execute("DROP FUNCTION audit.rejected_response")
    assert "has not been migrated" in get(client, "/quality/responses/3/3", 503)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_READER", "postgresql://dw_reader:secret-of-it@127.0.0.1:9/dw")
    for path in PAGES:
        document = get(client, path, 503)
        assert "does not answer" in document and "make up" in document and "secret-of-it" not in document
    assert "does not answer" in get(client, "/api/loads", 503)["detail"]
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE_READER")
    assert "warehouse_reader" in get(client, "/", 503)


def test_what_takes_long_is_ended_and_nothing_is_written(
    login: Login, loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.view import reader

    options = reader.OPTIONS.replace(f"statement_timeout={reader.STATEMENT_SECONDS * 1000}", "statement_timeout=100")
    monkeypatch.setattr(reader, "OPTIONS", options)
    client = login("viewer")
    loaded.owner.execute("ALTER VIEW audit.freshness RENAME TO quick")
    loaded.owner.execute(
        "CREATE VIEW audit.freshness AS SELECT * FROM audit.quick WHERE (SELECT count(*) FROM pg_sleep(60)) > 0"
    )
    loaded.owner.execute("GRANT SELECT ON audit.freshness TO dw_reader")
    assert "took too long" in get(client, "/", 503)
    loaded.owner.execute("DROP VIEW audit.freshness")
    loaded.owner.execute("ALTER VIEW audit.quick RENAME TO freshness")
    loaded.owner.execute("ALTER TABLE audit.withheld RENAME TO quick")
    loaded.owner.execute(
        "CREATE VIEW audit.withheld AS SELECT * FROM audit.quick WHERE (SELECT count(*) FROM pg_sleep(60)) > 0"
    )
    loaded.owner.execute("GRANT SELECT ON audit.withheld TO dw_reader")
    states = {advice["check"]: advice["state"] for advice in get(client, "/api/freshness")["advice"]}
    assert (states["withheld"], states["failed loads"], states["quarantined"]) == ("cannot tell", "bad", "good")
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    with closing(PostgresHook(reader.CONNECTION_ID, options=reader.OPTIONS).get_conn()) as connection:
        found = connection.execute(
            "SELECT current_user, current_setting('application_name'), current_setting('transaction_read_only')"
        ).fetchone()
    assert found == ("dw_reader", reader.NAME, "on")


def test_few_ask_at_a_time_and_who_waits_too_long_is_told(
    login: Login, loaded: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.view import reader

    monkeypatch.setattr(reader, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(reader, "_turns", CapacityLimiter(1))
    begun, ended = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        begun.set()
        ended.wait(30)

    async def both() -> None:
        async with create_task_group() as group:
            group.start_soon(reader.ask, wait)
            while not begun.is_set():
                await sleep(0.01)
            with pytest.raises(reader.Busy):
                await reader.ask(lambda _: None)
            ended.set()

    login("viewer")  # its connection
    run(both)


def test_no_address_changes_anything(login: Login) -> None:
    client = login("admin")
    for path in EVERYTHING:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.request(method, f"/prefix/warehouse{path}").status_code == 405, (method, path)


def test_the_plugin_is_found_and_light() -> None:
    """Every process of Airflow imports it: nothing of the page comes with it."""
    code = (
        "import sys; from airflow import plugins_manager\n"
        "found, errors = plugins_manager._get_plugins()\n"
        "assert errors == {} and [plugin.name for plugin in found if plugin.name == 'warehouse_page'], (found, errors)\n"
        "print(sorted(name for name in sys.modules if name.startswith(('plugins', 'include', 'fastapi.templating'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines()[-1:], done.returncode) == (["[]"], 0), done.stdout + done.stderr
