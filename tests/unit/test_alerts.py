"""Alerts without a network: what of an address is secret, and that metrics which are off ask for nothing."""

import re

import pytest

from include.sources import SOURCES
from plugins import metrics
from plugins.alerts import _secrets, _without
from tests.unit.support import fake_connection


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("mailtos://ann:pass%40word@example.org?to=bob@example.org", ["pass@word", "pass%40word"]),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", ["T1JJ3T3L2", "TIiajkdnlazkcOXrIdevi7FQ"]),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", ["123456789:abcdefg_hijklmnop"]),
        ("json://host.example.org/hook/T0kenInThePath?+X-Key=KeyInTheQuery", ["T0kenInThePath", "KeyInTheQuery"]),
    ],
)
def test_the_secrets_of_an_address_are_left_out_of_what_is_said(address: str, secrets: list[str]) -> None:
    import apprise

    services = apprise.Apprise(address)
    assert len(services) == 1
    found = _secrets(services)
    for secret in secrets:
        assert _without(found, f"no answer of {secret} at example.org") == "no answer of *** at example.org"
    # What is not to be hidden from all logs, where it is a word of many lines.
    assert not {word for word in found if re.fullmatch(r"hook|general|json|example\.org|host\.example\.org", word)}


@pytest.mark.parametrize("switch", metrics.SWITCHES)
def test_metrics_ask_the_warehouse_only_where_they_are_on(monkeypatch: pytest.MonkeyPatch, switch: str) -> None:
    connection = fake_connection()
    (mart,) = SOURCES["weather"].marts
    metrics.tell_ages(connection, mart)
    assert connection.parameters == []
    monkeypatch.setenv(f"AIRFLOW__METRICS__{switch.upper()}", "true")
    metrics.tell_ages(connection, mart)
    assert connection.parameters == [None]
