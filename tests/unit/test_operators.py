"""What the operators decide without a network: when to try again, whom to ask, and as whom."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import RetryDecision

from include.errors import BadResponse
from include.http import host_of, retry_after_of, user_agent
from include.landing import Response
from include.loads import Load
from include.patience import Patience
from include.settings import read_settings
from include.source import ApiRequest
from include.sources import SOURCES
from include.windows import Window
from plugins.operators.extract import ExtractOperator, _base_url
from plugins.retry import HonourRetryAfter
from tests.unit.support import fake_connection, utc


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (BadResponse("busy", retry_after=61.5), 61.5),
        (BadResponse("busy", retry_after=1e15), 86_400),
        (BadResponse("busy"), None),
        (BadResponse("busy", retry_after=0), None),
        (ValueError("no response at all"), None),
        (TimeoutError(), None),
    ],
)
@pytest.mark.parametrize("try_number", [1, 3])
def test_a_try_waits_as_long_as_the_service_asked_for(error: Exception, seconds: float | None, try_number: int) -> None:
    decision = HonourRetryAfter().evaluate(error, try_number, 3)
    if seconds is None:
        assert decision == RetryDecision.default()
    else:
        assert (decision.action.value, decision.retry_delay) == ("retry", timedelta(seconds=seconds))
        assert decision.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "120"}, 120),
        ({"RETRY-AFTER": "0"}, 0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 12:30:00 GMT"}, 90.0),
        ({"Retry-After": "Fri, 20 Nov 2026 12:28:00 GMT"}, 0.0),
        ({"X-Retry-After": "7"}, None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_of(headers, datetime(2026, 11, 20, 12, 28, 30, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("contact", [None, "ops@example.org", "https://example.org/bot"])
def test_the_user_agent_names_client_contact_and_library(monkeypatch: pytest.MonkeyPatch, contact: str | None) -> None:
    monkeypatch.delenv("DW_CONTACT", raising=False)
    if contact:
        monkeypatch.setenv("DW_CONTACT", contact)
    agent = user_agent(read_settings().contact)
    assert re.fullmatch(r"[\w-]+/[\d.]+ \((https://\S+|\S+@\S+)\) python-requests/[\d.]+", agent)
    assert f"({contact or 'https://github.com/dw-local-free/dw-local-free'})" in agent


def as_json(**fields: Any) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        ("https://api.open-meteo.com", "https://api.open-meteo.com"),
        ("https://api.open-meteo.com/", "https://api.open-meteo.com"),
        ("http://127.0.0.1:8123", "http://127.0.0.1:8123"),
        ("https://api.open-meteo.com:8443", "https://api.open-meteo.com:8443"),
        ("https://:a-key@customer-api.open-meteo.com", "https://customer-api.open-meteo.com"),
        ("http://https%3A%2F%2Fapi.open-meteo.com", "https://api.open-meteo.com"),
        ("http://api.open-meteo.com/https", "https://api.open-meteo.com"),
        (as_json(conn_type="http", host="https://{language}.wikipedia.org"), "https://{language}.wikipedia.org"),
        (as_json(conn_type="https", host="{language}.wikipedia.org"), "https://{language}.wikipedia.org"),
        ("https://{language}.wikipedia.org", "https://{language}.wikipedia.org"),
        (as_json(conn_type="http", host="wiki.test", schema="https", port=8443), "https://wiki.test:8443"),
        (as_json(conn_type="http", host="http://127.0.0.1", port=8123), "http://127.0.0.1:8123"),
        (as_json(conn_type="http", host="https://wiki.test/"), "https://wiki.test"),
        pytest.param(
            as_json(conn_type="https", host="wiki.test/"),
            "https://wiki.test",
        ),
    ],
)
def test_a_connection_is_a_scheme_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, connection: str, url: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_A_SERVICE", connection)
    hook = HttpHook("GET", "a_service")
    hook.get_conn()
    assert _base_url(hook, "a_service") == url


def request_in(language: str) -> ApiRequest:
    """A request for the page Boston of a wiki."""
    window = Window(utc("2026-11-18"), utc("2026-11-19"))
    conversation = SOURCES["wikipedia"].conversation(
        fake_connection((1, "Boston", language, None)),
        Load(1, 1, (1,), window),
        utc("2026-11-20"),
    )
    return next(conversation)


@pytest.fixture
def request_() -> ApiRequest:
    """A request for Boston."""
    return request_in("en")


@pytest.mark.parametrize("language", ["en", "be-tarask", "zh-min-nan", "tokipona2"])
def test_the_language_of_a_page_is_a_part_of_the_host(language: str) -> None:
    assert host_of("https://{language}.wikipedia.org", request_in(language)) == f"https://{language}.wikipedia.org"


@pytest.mark.parametrize(
    "language",
    ["", "en.evil.test/", "en@evil.test", "evil.test#", "en:80", "e n", "en.", "é", "en\r\nX: y", "-", "e" * 64],
)
def test_a_language_that_would_lead_to_another_host_is_refused(language: str) -> None:
    with pytest.raises(BadResponse, match=r"page .*:Boston: its language .* is not part of a host's name") as refused:
        host_of("https://{language}.wikipedia.org", request_in(language))
    assert not refused.value.is_retryable
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("response", "headers", "said", "is_retryable", "retry_after"),
    [
        (Response(200, "u", b"{", "the connection broke after 1 bytes"), {}, "the connection broke", True, None),
        (Response(200, "u", b"caf\xe9"), {}, "the response is not UTF-8 text", True, None),
        (Response(200, "u", b"{"), {}, "not complete JSON", True, None),
        (Response(429, "u", b"slow down"), {}, "HTTP 429: the wiki refused for now: slow down", True, 5),
        (Response(429, "u", b"slow down"), {"retry-after": "33"}, "HTTP 429", True, 33),
        (Response(503, "u", b"\xff"), {"Retry-After": "9"}, "HTTP 503: the wiki failed", True, 9),
        (Response(200, "u", b'{"error":{"code":"maxlag","info":"7 s"}}'), {}, "maxlag: 7 s", True, 5),
        (Response(200, "u", b'{"error":{"code":"maxlag","info":"7 s"}}'), {"Retry-After": "8"}, "maxlag", True, 8),
        (
            Response(200, "u", b'{"error":{"code":"badvalue","info":"x"}}'),
            {"Retry-After": "8"},
            "badvalue",
            False,
            None,
        ),
    ],
)
def test_a_bad_response_says_what_is_wrong_and_when_to_ask_again(
    request_: ApiRequest,
    response: Response,
    headers: dict[str, str],
    said: str,
    is_retryable: bool,
    retry_after: float | None,
) -> None:
    operator = ExtractOperator(
        task_id="extract", source=SOURCES["wikipedia"], parameters={"load_id": 1}, patience=Patience(0)
    )
    with pytest.raises(BadResponse) as error:
        operator._read(request_, response, headers, datetime(2026, 11, 20, tzinfo=UTC))
    assert said in str(error.value)
    assert (error.value.is_retryable, error.value.retry_after) == (is_retryable, retry_after)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_an_operator_keeps_its_source_and_renders_its_load(source: Any) -> None:
    operator = ExtractOperator(task_id="extract", source=source, parameters={"load_id": 1}, patience=Patience(0))
    assert operator.source is source
    assert "parameters" in operator.template_fields
    assert operator.do_xcom_push is False
