"""Faults: what they pick, how often, and what arrives."""

import json
from dataclasses import replace
from typing import Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from sandbox import Fault

ASK = {"latitude": "48.85,10", "longitude": "2.35,20", "hourly": "temperature_2m,wind_speed_10m",
       "start_date": "2026-11-01", "end_date": "2026-11-01"}  # fmt: skip
WIKI = {"action": "query", "titles": "Cat", "format": "json"}


def test_a_fault_is_used_up_and_others_are_untouched(client: Any) -> None:
    client.sandbox.faults.append(Fault.rate_limited("Hourly", times=2))
    assert client.get("/w/api.php", **WIKI).status_code == 200
    responses = [client.get("/v1/forecast", **ASK) for _ in range(3)]
    assert [response.status_code for response in responses] == [429, 429, 200]
    assert responses[0].json()["reason"] == "Hourly API request limit exceeded. Please try again in the next hour."


def test_a_predicate_picks_requests(client: Any) -> None:
    client.sandbox.faults.append(
        Fault(when=lambda request: request.params.get("titles") == "Dog", status=500, body="x")
    )
    assert client.get("/w/api.php", **WIKI).status_code == 200
    assert client.get("/w/api.php", **(WIKI | {"titles": "Dog"})).text == "x"


@pytest.mark.parametrize(
    ("fault", "path", "status", "retry_after"),
    [
        (Fault.server_error(), "/v1/archive", 500, None),
        (Fault.overloaded(), "/v1/forecast", 503, None),
        (Fault.concurrent(), "/v1/forecast", 429, None),
        (Fault.plan_required(), "/v1/archive", 403, None),
        (Fault.bad_request("no"), "/v1/archive", 400, None),
        (Fault.maxlag(retry_after=7), "/w/api.php", 200, "7"),
        (Fault.wiki_error("readonly"), "/w/api.php", 200, None),
        (Fault.too_many_requests(retry_after=3), "/w/api.php", 429, "3"),
        (Fault.too_many_requests(retry_after=None), "/w/api.php", 429, None),
    ],
)
def test_ready_made_responses(client: Any, fault: Fault, path: str, status: int, retry_after: str | None) -> None:
    client.sandbox.faults.append(replace(fault))
    response = client.get(path, **(WIKI | ASK))
    assert (response.status_code, response.headers.get("Retry-After")) == (status, retry_after)
    if path.startswith("/v1"):
        assert response.json()["error"] is True
    elif status == 200:
        assert response.json()["error"]["code"] in ("maxlag", "readonly")


@pytest.mark.parametrize("keep", [0.6, 0])
def test_a_broken_stream_is_a_200_without_json(client: Any, keep: float) -> None:
    client.sandbox.faults.append(Fault.streaming_error(keep=keep))
    response = client.get("/v1/forecast", **ASK)
    assert response.status_code == 200
    assert response.text.endswith("Unexpected error while streaming data: timeoutReached")
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.text)


def test_one_hour_of_one_place_is_absurd(client: Any) -> None:
    clean = client.get("/v1/forecast", **ASK).json()
    client.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=(48.85, 2.35), hour="2026-11-01T05:00"))
    spoilt = client.get("/v1/forecast", **ASK).json()
    assert spoilt[0]["hourly"]["temperature_2m"][5] == 999.9
    spoilt[0]["hourly"]["temperature_2m"][5] = clean[0]["hourly"]["temperature_2m"][5]
    for item in (*clean, *spoilt):
        del item["generationtime_ms"]
    assert spoilt == clean


def test_nulls_and_units(client: Any) -> None:
    client.sandbox.faults += [Fault.null("wind_speed_10m", place=(10, 20)), Fault.unit("wind_speed_10m", "kn")]
    for body in (client.get("/v1/forecast", **ASK).json(), client.get("/v1/archive", **ASK).json()):
        assert set(body[1]["hourly"]["wind_speed_10m"]) == {None} and None not in body[0]["hourly"]["wind_speed_10m"]
        assert [item["hourly_units"]["wind_speed_10m"] for item in body] == ["kn", "kn"]


def test_a_truncated_body_ends_cleanly(client: Any) -> None:
    client.sandbox.faults.append(Fault.truncated(100))
    response = client.get("/v1/forecast", **ASK)
    assert len(response.content) == int(response.headers["Content-Length"]) == 100
    assert client.get("/v1/forecast", **ASK).json()


def test_a_dropped_connection_is_an_error_for_the_client(client: Any) -> None:
    client.sandbox.faults.append(Fault.dropped(100))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.get("/v1/forecast", **ASK)
    assert client.get("/v1/forecast", **ASK).json()


def test_a_reset_connection_has_no_end(client: Any) -> None:
    client.sandbox.faults.append(Fault.dropped(100, reset=True))
    with client.session.get(f"{client.sandbox.url}/v1/forecast", params=ASK, stream=True) as response:
        assert len(response.raw.read1(100)) == 100
        with pytest.raises(ProtocolError, match="Connection reset"):
            response.raw.read1(1)
    assert client.get("/v1/forecast", **ASK).json()


def test_a_body_may_trickle(client: Any) -> None:
    client.sandbox.faults.append(Fault(pace=0.001, status=200, body="one byte after the other"))
    with client.session.get(f"{client.sandbox.url}/v1/forecast", stream=True) as response:
        assert response.raw.read1(1) == b"o"
        assert response.raw.read() == b"ne byte after the other"


def test_a_slow_response_outlasts_the_clients_patience(client: Any) -> None:
    client.sandbox.faults.append(Fault.slow(60))
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{client.sandbox.url}/v1/forecast", timeout=0.05)


def test_clear_forgets_everything(limited: Any) -> None:
    limited.sandbox.faults.append(Fault.server_error(times=None))
    limited.sandbox.delete_page("Cat")
    limited.sandbox.open_meteo.budget.spend(20_000)
    limited.sandbox.clear()
    assert limited.sandbox.requests == []
    assert limited.get("/v1/forecast", **ASK).status_code == 200
    assert "missing" not in limited.page(titles="Cat")
