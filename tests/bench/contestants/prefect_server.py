"""Prefect's own server, and processes that are ended with what they started."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import requests

from tests.bench.contestants.environment import PYTHON, environment
from tests.e2e.stack import free_port, wait_for


def prefect_environment(api: str, folder: Path) -> dict[str, str]:
    """Variables of Prefect's processes: their runner looks for runs every second instead of every ten."""
    home = str(folder / "prefect")
    return environment(PREFECT_API_URL=api, PREFECT_HOME=home, PREFECT_RUNNER_POLL_FREQUENCY="1")


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Prefect's server with its SQLite, as it comes: the URL of its API."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [str(PYTHON), "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, folder, prefect_environment(api, folder)):
        wait_for("Prefect's server", lambda: document_at(f"{api}/health") is not None)
        yield api


@contextmanager
def running(
    command: list[str], folder: Path, env: dict[str, str], stdin: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process, and those that it starts, until the block ends."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=stdin, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    except BaseException:
        print((folder / "log").read_text(errors="replace"), file=sys.stderr)
        raise
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
                break


def document_at(url: str) -> Any:
    """The JSON document there, None while there is none."""
    try:
        response = requests.get(url, timeout=5)
    except requests.ConnectionError:
        return None
    return response.json() if response.ok else None
