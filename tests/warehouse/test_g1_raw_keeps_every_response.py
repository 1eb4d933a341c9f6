"""G1: raw keeps every response as it came, byte for byte, malformed ones too, and is append-only."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
import requests
from airflow.sdk._shared.secrets_masker import redact

from include.errors import BadResponse
from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import Pipeline, utc

WINDOW = ("2026-10-05", "2026-10-07")


def recorded_body(bodies: list[bytes]) -> Callable[[bytes], bytes]:
    """A fault's rewrite that keeps a copy of what went over the wire."""

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return body

    return keep


def test_g1_slices_of_a_response_for_two_places_are_its_exact_bytes(pipeline: Pipeline, sandbox: Sandbox) -> None:
    bodies: list[bytes] = []
    sandbox.faults.append(Fault(path="/v1/forecast", rewrite=recorded_body(bodies)))
    assert pipeline.run("weather", *WINDOW).errors == {}
    slices = pipeline.rows("SELECT payload FROM raw.weather_observations ORDER BY location_id")
    assert b"[" + b",".join(payload.encode() for (payload,) in slices) + b"]" == bodies[0]


def test_g1_a_raw_row_says_what_was_asked_and_answered(pipeline: Pipeline, sandbox: Sandbox) -> None:
    run = pipeline.run("weather", *WINDOW)
    rows = pipeline.rows(
        "SELECT location_name, http_status, source, url, window_start, window_end, load_id, attempt, problem "
        "FROM raw.weather_observations ORDER BY id"
    )
    url = f"{sandbox.url}/v1/forecast?{sandbox.requests[0].query}"
    load_id = run.loads[0]["load_id"]
    assert rows == [
        (name, 200, "open_meteo", url, utc("2026-10-05"), utc("2026-10-07"), load_id, 1, None)
        for name in ("Boston", "Phoenix")
    ]


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda path: Fault(path=path, rewrite=lambda body: body[:100]), id="truncated"),
        pytest.param(lambda path: Fault(path=path, drop_at=100), id="dropped"),
        pytest.param(lambda path: Fault(path=path, drop_at=100, reset=True), id="reset"),
        pytest.param(
            lambda path: Fault(
                path=path, rewrite=lambda body: body[:200] + b"Unexpected error while streaming data: gone"
            ),
            id="streaming-error",
        ),
        pytest.param(lambda path: Fault(path=path, rewrite=lambda body: b""), id="empty"),
        pytest.param(lambda path: Fault(path=path, rewrite=lambda body: b"<html>\xc3\xa9</html>"), id="html"),
        pytest.param(lambda path: Fault(path=path, rewrite=lambda body: b"\xff\xfe not UTF-8 \x00"), id="not-utf-8"),
        pytest.param(lambda path: Fault(path=path, rewrite=lambda body: b'{"a": "\x00"}'), id="nul-byte"),
        pytest.param(lambda path: Fault(path=path, status=503, body="overloaded \u2603"), id="http-503"),
    ],
)
def test_g1_a_broken_response_is_kept_to_the_byte_and_a_rerun_repairs_it(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str, break_it: Callable[[str], Fault]
) -> None:
    fault = break_it("/v1/forecast" if dag_id == "weather" else "/w/api.php")
    sent = sent_bodies(fault)
    sandbox.faults.append(fault)
    run = pipeline.run(dag_id, *WINDOW)
    table = "raw.weather_observations" if dag_id == "weather" else "raw.wikipedia_pages"
    raw_id, payload, encoding, problem = pipeline.rows(
        f"SELECT id, payload, payload_encoding, problem FROM {table} ORDER BY id DESC LIMIT 1"
    )[0]
    body = base64.b64decode(payload) if encoding == "base64" else payload.encode()
    assert body == sent[0]
    assert problem
    assert f"raw id {raw_id} of {table}" in run.error
    assert ("Boston" if dag_id == "weather" else "New England") in run.error
    assert "[2026-10-05, 2026-10-07) UTC" in run.error
    assert (
        pipeline.value("SELECT count(*) FROM core.weather") == pipeline.value("SELECT count(*) FROM core.revision") == 0
    )

    pipeline.finish(run)
    assert run.errors == {}
    facts = "core.weather" if dag_id == "weather" else "core.revision"
    assert pipeline.value(f"SELECT count(*) FROM {facts}") > 0
    assert pipeline.value(f"SELECT count(*) FROM {table} WHERE id = %s", raw_id) == 1


@pytest.mark.parametrize("more", [{}, {"headers": {"Connection": "close"}}], ids=["kept-alive", "closed"])
def test_g1_a_response_that_does_not_end_is_kept_as_far_as_it_came(
    pipeline: Pipeline, sandbox: Sandbox, more: dict[str, Any]
) -> None:
    """A byte now and then, so that no wait for the next one is long."""
    body = "0123456789" * 100
    sandbox.faults.append(Fault(path="/v1/forecast", status=200, body=body, pace=0.01, **more))
    pipeline.patience.response_seconds = 0.5
    run = pipeline.run("weather", *WINDOW)
    ((raw_id, payload, problem),) = pipeline.rows("SELECT id, payload, problem FROM raw.weather_observations")
    assert 0 < len(payload) < len(body) and body.startswith(payload)
    assert problem == "the response took longer than 0.5 s"
    assert f"UTC: {problem}\nplaces Boston" in run.error and f"raw id {raw_id} " in run.error
    assert isinstance(run.errors[0], BadResponse)


@pytest.mark.parametrize(
    ("late", "words"),
    [
        ({"delay": 60}, "no response from .* \\(ReadTimeout\\)"),
        # Both waits are shorter than what a response may take, and longer together.
        ({"delay": 0.3, "status": 200, "body": "01", "pace": 0.4}, "the response took longer than 0.5 s"),
    ],
    ids=["no-head", "no-body"],
)
def test_g1_a_response_has_so_long_from_the_ask_to_its_last_byte(
    pipeline: Pipeline, sandbox: Sandbox, late: dict[str, Any], words: str
) -> None:
    sandbox.faults.append(Fault(path="/v1/forecast", **late))
    pipeline.patience.response_seconds = 0.5
    error = pipeline.run("weather", *WINDOW).errors[0]
    assert isinstance(error, BadResponse) and error.is_retryable
    assert re.search(words, str(error))


def sent_bodies(fault: Fault) -> list[bytes]:
    """Makes the fault note the bytes that reach the wire."""
    sent: list[bytes] = []
    if fault.status is not None:
        sent.append(fault.body.encode() if isinstance(fault.body, str) else fault.body)
        return sent
    rewrite = fault.rewrite or (lambda body: body)

    def note(body: bytes) -> bytes:
        body = rewrite(body)
        sent.append(body if fault.drop_at is None else body[: fault.drop_at])
        return body

    fault.rewrite = note
    return sent


@pytest.mark.parametrize("table", ["raw.weather_observations", "raw.wikipedia_pages"])
@pytest.mark.parametrize("change", ["UPDATE {} SET payload = ''", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("role", ["dw_loader", "dw_owner"])
def test_g1_raw_is_append_only(database: Callable[[str], str], table: str, change: str, role: str) -> None:
    with psycopg.connect(database(role)) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(change.format(table))
    assert isinstance(refused.value, psycopg.errors.InsufficientPrivilege) or "append-only" in str(refused.value)


KEYS = pytest.mark.parametrize("key", ["s3cret", "amp3rs&latitude=0", "h4shed#1", "sp4ced 1+2%26é/?="])


def with_key(url: str, key: str) -> str:
    """A connection of a paid plan."""
    return json.dumps({"conn_type": "http", "host": url, "password": key})


@KEYS
def test_g1_an_api_key_is_sent_whole_and_never_stored(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", with_key(sandbox.url, key))
    run = pipeline.run("weather", *WINDOW)
    assert run.errors == {}
    assert sandbox.requests[0].params["apikey"] == key
    assert sandbox.requests[0].params["latitude"] == "42.3601,33.4484"
    assert pipeline.rows("SELECT 1 FROM raw.weather_observations AS raw WHERE strpos(raw::text, %s) > 0", key[:6]) == []


@KEYS
def test_g1_an_api_key_stands_in_no_log_and_no_error(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], key: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", with_key("http://127.0.0.1:9", key))
    error = pipeline.run("weather", *WINDOW).error
    assert "no response from http://127.0.0.1:9/v1/forecast" in error
    assert key[:6] not in error + "".join(capfd.readouterr())
    # What other libraries log of the URL at other levels goes through Airflow's masker.
    assert key[:6] not in str(redact(f"GET /v1/forecast?hourly=weather_code&apikey={quote(key, safe='')}"))


def test_g1_no_response_at_all_names_the_service_and_no_key(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", "http://:s3cret@127.0.0.1:9")
    error = pipeline.run("weather", *WINDOW).error
    assert "no response from http://127.0.0.1:9/v1/forecast" in error
    assert "Boston" in error and "[2026-10-05, 2026-10-07) UTC" in error
    assert "s3cret" not in error
    assert "s3cret" not in pipeline.value("SELECT error FROM audit.load")


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        ("http://:s3cret@", "check the connection open_meteo"),
        ("https://:s3cret@127.0.0.1:9", "no response from https://127.0.0.1:9/v1/forecast"),
        ("http://:s3cret@{lang}.test", "correct the connection"),
    ],
    ids=["no-host", "https", "unknown-field"],
)
def test_g1_a_connection_that_leads_nowhere_is_named_and_no_key(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, connection: str, words: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OPEN_METEO", connection)
    error = pipeline.run("weather", *WINDOW).error
    assert words in error and "s3cret" not in error
    assert "s3cret" not in pipeline.value("SELECT error FROM audit.load")


def test_g1_the_user_agent_is_the_kind_that_wikimedia_asks_for(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.run("wikipedia", *WINDOW)
    agent = {name.lower(): value for name, value in sandbox.requests[0].headers.items()}["user-agent"]
    assert agent.startswith("dw-local-free/") and agent.endswith(f"/{requests.__version__}")
    assert "(http" in agent
