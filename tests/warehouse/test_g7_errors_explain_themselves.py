"""G7: bad input gets one clear error that names the source, the place, the window and the raw id, and says what to do."""

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from include.errors import BadResponse, in_one_line
from include.seeds import SeedPage
from plugins.warehouse import note_failure
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import DagRun, Pipeline
from tests.warehouse.places import BOSTON, BOSTON_PAGE, NEW_ENGLAND, PHOENIX

DAY = ("2026-10-05", "2026-10-06")


@pytest.mark.parametrize(
    ("dag_id", "fault", "words", "is_retried"),
    [
        ("weather", Fault.bad_request("Latitude must be in range of -90 to 90°. Given: 200.0."), "Given: 200.0", False),
        ("weather", Fault.plan_required(path="/v1/forecast"), "API key", False),
        ("weather", Fault.rate_limited("Hourly"), "Hourly API request limit exceeded", True),
        ("weather", Fault.overloaded(), "overloaded", True),
        ("weather", Fault(path="/v1", transform=lambda body: body[:1]), "holds 1 places, 2 were asked for", True),
        ("wikipedia", Fault.maxlag(retry_after=700), "maxlag", True),
        ("wikipedia", Fault.too_many_requests(retry_after=900), "429", True),
        ("wikipedia", Fault.wiki_error("readonly", "The wiki is read-only.", times=None), "readonly", True),
        ("wikipedia", Fault.wiki_error("badvalue", "Unrecognized value."), "badvalue: Unrecognized value.", False),
    ],
)  # fmt: skip
def test_g7_an_error_names_source_place_window_and_raw_id_and_says_what_to_do(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str, fault: Fault, words: str, is_retried: bool
) -> None:
    sandbox.faults.append(replace(fault))
    run = pipeline.run(dag_id, *DAY)
    raw_id = pipeline.value(
        "SELECT max(id) FROM (SELECT id FROM raw.weather_observations WHERE problem IS NOT NULL "
        "UNION ALL SELECT id FROM raw.wikipedia_pages WHERE problem IS NOT NULL) AS raw"
    )
    assert words in run.error
    assert f"raw id {raw_id}" in run.error
    assert dag_id in run.error
    assert ("Boston" if dag_id == "weather" else "page en:New England") in run.error
    assert "[2026-10-05, 2026-10-06) UTC" in run.error
    assert ("it is tried again by itself" if is_retried else "clear this task") in run.error
    assert isinstance(run.errors[0], BadResponse) == is_retried
    assert pipeline.value("SELECT error FROM audit.load") == f"extract: {in_one_line(run.error)}"


@pytest.mark.parametrize(
    ("dag_id", "fault", "seconds"),
    [
        ("wikipedia", Fault.maxlag(retry_after=7), 7),
        ("wikipedia", Fault.too_many_requests(retry_after=9), 9),
        ("wikipedia", Fault.too_many_requests(retry_after=None), 5),
        # The clock stands at 12:30:00: the rest of the minute, and a second for clocks that differ.
        ("weather", Fault.rate_limited("Minutely"), 61),
    ],
)
def test_g7_a_short_refusal_is_waited_out_in_the_same_try(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str, fault: Fault, seconds: float
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(replace(fault))
    assert pipeline.run(dag_id, *DAY).errors == {}
    assert pipeline.waits == [seconds]
    assert pipeline.rows("SELECT status, attempt FROM audit.load") == [("published", 1)]


@pytest.mark.parametrize(
    ("dag_id", "fault", "seconds"),
    [
        ("wikipedia", Fault.maxlag(retry_after=500), 500),
        ("weather", Fault.rate_limited("Hourly"), 1801),
        ("weather", Fault.rate_limited("Daily"), 11.5 * 3600 + 1),
    ],
)
def test_g7_a_long_refusal_is_retried_as_late_as_the_service_wants(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str, fault: Fault, seconds: float | None
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(replace(fault))
    error = pipeline.run(dag_id, *DAY).errors[0]
    assert isinstance(error, BadResponse)
    assert error.retry_after == seconds
    assert pipeline.waits == []


OUTAGES = {
    "overloaded": Fault(status=503, body="The service is overloaded"),
    "error": Fault(status=500, body='{"reason":"Something went wrong.","error":true}'),
    "gateway": Fault(status=502, body="<html>Bad Gateway</html>"),
    "limit": Fault(status=429, body='{"error":true,"reason":"Too many concurrent requests"}'),
    "cut": Fault(path="/", drop_at=100),
    "nothing": Fault(path="/", drop_at=0),
    "no-json": Fault(path="/", rewrite=lambda body: body[:100]),
}


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
@pytest.mark.parametrize("outage", OUTAGES)
def test_g7_an_outage_shorter_than_the_patience_costs_no_try(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str, outage: str
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(replace(OUTAGES[outage], times=None))
    pipeline.meanwhile = lambda _: sandbox.faults.clear() if sum(pipeline.waits) >= 60 else None
    assert pipeline.run(dag_id, *DAY).errors == {}
    schedule = [5.0] * 12 if (dag_id, outage) == ("wikipedia", "limit") else [1, 2, 4, 8, 15, 15, 15]
    assert pipeline.waits == schedule
    assert pipeline.rows("SELECT status, attempt FROM audit.load") == [("published", 1)]


def test_g7_a_service_that_nobody_reaches_for_a_while_costs_no_try(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections are refused: nothing listens at the port until the sandbox does, in the sixth pause."""
    pipeline.patience.seconds = 75
    gone = Sandbox()
    gone.stop()
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", gone.url)
    with ExitStack() as stack:

        def meanwhile(_: float) -> None:
            if len(pipeline.waits) == 6:
                stack.enter_context(Sandbox(pipeline.clock(), gone.port, limits=False))

        pipeline.meanwhile = meanwhile
        assert pipeline.run("weather", *DAY).errors == {}
    assert pipeline.waits == [1, 2, 4, 8, 15, 15]
    assert pipeline.rows("SELECT status, attempt FROM audit.load") == [("published", 1)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.overloaded(times=None), "HTTP 503: the service failed: The service is overloaded"),
        (Fault(path="/v1", drop_at=50, times=None), "the connection broke after 50 bytes"),
    ],
)
def test_g7_an_outage_longer_than_the_patience_ends_the_try_with_its_last_error(
    pipeline: Pipeline, sandbox: Sandbox, capfd: pytest.CaptureFixture[str], fault: Fault, words: str
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(replace(fault))
    run = pipeline.run("weather", *DAY)
    assert sum(pipeline.waits) == 75
    kept = pipeline.rows("SELECT max(id), count(*) FROM raw.weather_observations WHERE problem IS NOT NULL")
    assert kept == [(9, 9)]
    assert isinstance(run.errors[0], BadResponse)
    assert words in run.error and "raw id 9 " in run.error and "it is tried again by itself" in run.error
    warnings = [line for line in capfd.readouterr().out.splitlines() if "asked again in" in line]
    assert len(warnings) == len(pipeline.waits)
    assert all(words in line and len(line) < 400 for line in warnings)


@pytest.mark.parametrize("address", ["http://", "http://*.test", "http://a..test", "ftp://127.0.0.1"])
def test_g7_an_address_that_cannot_be_asked_is_not_waited_for(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    pipeline.patience.seconds = 75
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", json.dumps({"conn_type": "http", "host": address}))
    run = pipeline.run("weather", *DAY)
    assert "check the connection open_meteo" in run.error
    assert not isinstance(run.errors[0], BadResponse)
    assert pipeline.waits == []


def test_g7_a_service_that_refuses_again_and_again_ends_the_patience_of_a_try(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(Fault.maxlag(retry_after=30, times=None))
    assert isinstance(pipeline.run("wikipedia", *DAY).errors[0], BadResponse)
    assert pipeline.waits == [30, 30]


def test_g7_a_window_larger_than_the_limits_of_the_service_is_loaded_all_the_same(pipeline: Pipeline) -> None:
    """Twenty years of two places are four loads, each refused once."""
    pipeline.patience.seconds = 75
    limited = Sandbox(now=pipeline.clock(), limits=True)
    with limited as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_OPEN_METEO_ARCHIVE", sandbox.url)

        def meanwhile(seconds: float) -> None:
            sandbox.now += timedelta(seconds=seconds)

        pipeline.meanwhile = meanwhile
        assert pipeline.run("weather", "2006-01-01", "2026-01-01").errors == {}
    assert pipeline.waits
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2 * 7305 * 24


def test_g7_a_batch_that_fails_leaves_the_others_published_and_names_its_places(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DW_WEATHER_PLACES_PER_BATCH", "1")
    sandbox.faults.append(Fault.server_error(when=lambda request: request.params["latitude"].startswith("33.4484")))
    run = pipeline.run("weather", *DAY)
    assert list(run.errors) == [1]
    assert "Phoenix (33.4484, -112.074)" in run.error and "Boston" not in run.error
    assert pipeline.rows("SELECT DISTINCT location_id FROM core.weather") == [(1,)]
    requests_before = len(sandbox.requests)
    pipeline.finish(run, only=[1])
    assert run.errors == {}
    assert len(sandbox.requests) == requests_before + 1


@pytest.mark.parametrize(
    ("exception", "words"),
    [
        # As the scheduler calls it for a task that fell silent, or whose end the API server refused.
        ({}, "clear it; if it ends so again, Airflow's log of this task or of the scheduler has why"),
        ({"exception": None}, "ended without saying why"),
        ({"exception": TimeoutError()}, "extract: TimeoutError"),
        ({"exception": ValueError("two\nlines")}, "extract: two; lines"),
    ],
)  # fmt: skip
def test_g7_a_failure_claims_no_more_than_is_known(pipeline: Pipeline, exception: dict, words: str) -> None:
    run = pipeline.plan(DagRun("weather", "silent", {"start_date": DAY[0], "end_date": DAY[1]}, pipeline.clock()))
    instance = SimpleNamespace(dag_id="weather", run_id=run.run_id, map_index=0, task_id="extract", try_number=1)
    note_failure({"ti": instance, **exception})  # type: ignore[typeddict-item]
    noted = pipeline.value("SELECT error FROM audit.load")
    assert words in noted
    assert "lost" not in noted


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ({"locations": ["Atlantis", "Boston"]}, "not a tracked location: Atlantis"),
        ({"locations": ["Atlantis"]}, "not a tracked location: Atlantis"),
    ],
)
def test_g7_an_unknown_place_is_named(pipeline: Pipeline, conf: dict[str, list[str]], words: str) -> None:
    with pytest.raises(Exception, match=words):
        pipeline.run("weather", *DAY, conf=conf)


def test_g7_a_parameter_that_there_is_not_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(Exception, match="weather: conf has no parameter pages; there are start_date, end_date, "):
        pipeline.run("weather", *DAY, conf={"pages": ["Boston"]})
    assert pipeline.rows("SELECT * FROM audit.load") == []


def test_g7_a_window_of_too_many_loads_is_refused_before_it_opens_one(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DW_WEATHER_PLACES_PER_BATCH", "1")
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "1")
    with pytest.raises(Exception, match=r"needs 2 loads, more than the 1 of \[core\] max_map_length"):
        pipeline.run("weather", *DAY)
    assert pipeline.rows("SELECT * FROM audit.load") == []


def test_g7_an_unknown_page_is_named(pipeline: Pipeline) -> None:
    with pytest.raises(Exception, match="not a tracked page: Atlantis"):
        pipeline.run("wikipedia", *DAY, conf={"pages": ["New England", "Atlantis"]})


def test_g7_a_run_can_be_restricted_to_places_and_pages(pipeline: Pipeline) -> None:
    follow(pipeline.owner, [BOSTON, PHOENIX], [NEW_ENGLAND, BOSTON_PAGE])
    pipeline.run("weather", *DAY, conf={"locations": ["Phoenix"]})
    pipeline.run("wikipedia", *DAY, conf={"pages": ["Boston"]})
    assert pipeline.rows("SELECT DISTINCT location_name FROM raw.weather_observations") == [("Phoenix",)]
    assert pipeline.rows("SELECT DISTINCT page_title FROM raw.wikipedia_pages") == [("Boston",)]


def test_g7_a_title_that_two_wikis_have_can_be_told_apart(pipeline: Pipeline) -> None:
    """And is, in the command of the message."""
    follow(pipeline.owner, [], [NEW_ENGLAND, SeedPage("New England", "de")])
    asked = "SELECT DISTINCT load_id, page_language FROM raw.wikipedia_pages ORDER BY 1, 2"
    pipeline.run("wikipedia", *DAY, conf={"pages": ["de:New England"]})
    pipeline.run("wikipedia", *DAY, conf={"pages": ["New England"]})
    assert pipeline.rows(asked) == [(1, "de"), (2, "de"), (2, "en")]
    with pytest.raises(Exception, match="not a tracked page: fr:New England"):
        pipeline.run("wikipedia", *DAY, conf={"pages": ["fr:New England"]})


def test_g7_the_command_in_a_message_asks_one_wiki_alone(pipeline: Pipeline, sandbox: Sandbox) -> None:
    follow(pipeline.owner, [], [NEW_ENGLAND, SeedPage("New England", "de")])
    circle = {"query": {"redirects": [{"from": "New England", "to": "New England"}]}}
    sandbox.faults.append(Fault(path="/w", transform=lambda _: circle))
    assert '"pages": ["en:New England"]' in pipeline.run("wikipedia", *DAY).error


def test_g7_nothing_tracked_says_where_to_add(pipeline: Pipeline) -> None:
    follow(pipeline.owner, [], [])
    for dag_id in ("weather", "wikipedia"):
        with pytest.raises(Exception, match=r"seed_data\.yaml"):
            pipeline.run(dag_id, *DAY)
