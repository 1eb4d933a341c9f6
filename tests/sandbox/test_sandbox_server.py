"""The process and its sockets."""

import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
import requests

from sandbox import Sandbox
from sandbox.__main__ import main


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_command_says_where_it_is_and_stops_on_sigterm() -> None:
    process = start("--port", "0")
    assert process.stdout
    line = process.stdout.readline()
    url = line.split()[-1]
    assert "invented" in requests.get(f"{url}/health", timeout=10).text
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_busy_port_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and str(port) in err


def test_requests_are_kept_as_sent(client: Any) -> None:
    client.get("/v1/forecast", latitude="1,2", name="a b")
    (request,) = client.sandbox.requests
    assert (request.path, request.query) == ("/v1/forecast", "latitude=1,2&name=a%20b")
    assert request.params == {"latitude": "1,2", "name": "a b"}
    assert request.headers["user-agent"].startswith("sandbox-tests/")


def test_unknown_paths_are_404(client: Any) -> None:
    assert client.get("/v2/forecast").status_code == 404
    assert client.get("/").status_code == 200


def test_a_stopped_sandbox_answers_no_more_not_even_on_a_kept_connection() -> None:
    with requests.Session() as session:
        with Sandbox() as sandbox:
            assert session.get(sandbox.url, timeout=10).status_code == 200
        with pytest.raises(requests.ConnectionError):
            session.get(sandbox.url, timeout=10)


def test_head_and_keep_alive(client: Any) -> None:
    response = client.session.head(f"{client.sandbox.url}/", timeout=10)
    assert response.status_code == 200 and response.content == b""
    assert client.get("/").text.startswith("This is the sandbox")
