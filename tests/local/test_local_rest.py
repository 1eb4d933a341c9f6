"""The client of Airflow's REST API as `make` uses it: no proxy, no endless wait, one line without a secret for a refusal."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import urllib3
from airflow_client.client import DAGApi
from airflow_client.client.exceptions import ApiException

from local import rest, up
from local.__main__ import main

WORD = "the-password"
TICKET = "the-token"


class Airflow(ThreadingHTTPServer):
    """Takes the password, refuses to list DAGs in words that hold the token, and does not respond to the rest."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.ended = Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Requests(BaseHTTPRequestHandler):
    server: Airflow

    def do_POST(self) -> None:
        login = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if login == {"username": "admin", "password": WORD}:
            self.respond(201, {"access_token": TICKET})
        else:
            self.respond(422, {"detail": [{"msg": "no such user", "input": login}]})

    def do_GET(self) -> None:
        if self.path == "/api/v2/dags":
            self.respond(403, {"detail": "Forbidden"})
        else:
            self.server.ended.wait(10)  # a client without a time limit is told apart all the same

    def respond(self, status: int, body: object) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", f"_token={TICKET}")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    """A server that is asked without the proxy of the environment, where nothing listens."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Airflow() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()


def test_what_does_not_respond_is_not_waited_for_without_end(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    client = rest.connect(airflow.address, "admin", WORD)
    monkeypatch.setattr(rest, "SECONDS", 0.2)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        DAGApi(client).get_dag("weather")
    assert rest.health(airflow.address) == {}


def test_where_nothing_listens_is_not_health() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert rest.health(f"http://127.0.0.1:{bound.getsockname()[1]}") == {}


def test_a_refusal_tells_neither_token_nor_password(airflow: Airflow) -> None:
    with pytest.raises(ApiException) as refusal:
        rest.connect(airflow.address, "admin", f"not {WORD}")
    assert rest.reason(refusal.value) == "HTTP 422 Unprocessable Entity (login of admin)"
    with pytest.raises(ApiException) as refusal:
        DAGApi(rest.connect(airflow.address, "admin", WORD)).get_dags()
    assert TICKET in str(refusal.value)
    assert rest.reason(refusal.value) == 'HTTP 403 Forbidden {"detail": "Forbidden"}'


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        (urllib3.exceptions.ProtocolError("Connection aborted"), "does not answer: Connection aborted. `make status`"),
        (ConnectionResetError("reset by peer"), "does not answer: reset by peer. `make status`"),
        (psycopg.OperationalError("no\nserver"), "does not answer: no server. `make status`"),
        (ApiException(404, "Not Found", body='{"detail":\n"no DAG"}'), 'HTTP 404 Not Found {"detail": "no DAG"}'),
    ],
    ids=lambda gone: type(gone).__name__,
)
def test_what_goes_wrong_meanwhile_is_told_in_one_line(
    gone: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose_it(*_: object) -> int:
        raise gone

    monkeypatch.setattr(up, "status", lose_it)
    assert main(["status"]) == 1
    told = capsys.readouterr().err.strip()
    assert words in told and "\n" not in told


def test_a_mistake_of_ours_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_wrong(*_: object) -> int:
        raise LookupError("a mistake")

    monkeypatch.setattr(up, "status", be_wrong)
    with pytest.raises(LookupError, match="a mistake"):
        main(["status"])


def test_only_what_needs_the_client_imports_it() -> None:
    """It takes more than a second."""
    script = "import sys, local.__main__, local.up, local.demo; print('airflow_client' in sys.modules)"
    repo = Path(rest.__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", script], cwd=repo, capture_output=True, text=True, check=True).stdout
    assert told == "False\n"
