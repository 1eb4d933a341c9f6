"""`python -m local …`: what goes away while a command works is told in one line."""

from email.message import Message
from urllib.error import HTTPError, URLError

import psycopg
import pytest

from local import demo
from local.__main__ import main


@pytest.mark.parametrize(
    ("gone", "hint"),
    [
        (URLError("Connection refused"), "make status"),
        (ConnectionResetError("reset by peer"), "make status"),
        (psycopg.OperationalError("no\nserver"), "make status"),
        (HTTPError("http://airflow/api", 404, "Not Found", Message(), None), "refused http://airflow/api"),
    ],
    ids=lambda gone: type(gone).__name__,
)
def test_what_goes_away_meanwhile_is_told_in_one_line(
    gone: Exception, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose_it(*_: object) -> int:
        raise gone

    monkeypatch.setattr(demo, "demo", lose_it)
    assert main(["demo"]) == 1
    told = capsys.readouterr().err.strip()
    assert " ".join(str(gone).split()) in told and hint in told and "\n" not in told
