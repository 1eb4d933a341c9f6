"""One day of ten places, from the trigger to the refreshed mart: the local stack, a flow of Prefect 3, a plain script.

docs/benchmarks.md says what each does.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import requests

from include.seeds import read_seeds
from include.warehouse import Connection
from include.windows import Window
from tests.bench.airflow import running_stack, wait_until_true, window
from tests.bench.contestants import environment
from tests.bench.contestants.prefect_server import document_at, prefect_environment, prefect_server, running
from tests.bench.contestants.table import make_mart, make_table
from tests.bench.figures import Figure, Goal, Table, ratio
from tests.e2e.stack import Stack, wait_for

DAYS = 7
YEAR = Window(datetime(2018, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC))
IS_SHOWN = "SELECT count(*) = 10 FROM contestant.daily WHERE day = %s"


def measure(quick: bool) -> list[Table]:
    """The table of this part."""
    environment.prepare()
    with ExitStack() as stack:
        ours, _ = stack.enter_context(running_stack())
        connection = stack.enter_context(psycopg.connect(ours.warehouse_url, autocommit=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dw-contestant-")))
        make_table(connection, [YEAR])
        make_mart(connection)
        contestants = contestants_of(stack, ours, connection, folder)
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for number in range(2 if quick else DAYS + 1):
            for month, (name, run) in enumerate(contestants.items(), start=2):
                took = run(f"2018-{month:02}-{number + 1:02}")
                if number:  # the first is for warming up
                    seconds[name].append(took)
    return [table({name: Figure(name, tuple(values)) for name, values in seconds.items()})]


def contestants_of(
    stack: ExitStack, ours: Stack, connection: Connection, folder: Path
) -> dict[str, Callable[[str], float]]:
    """Name -> what loads a day, and takes the time until a mart shows it."""
    given = {
        "api": ours.sandbox_url,
        "database": ours.warehouse_url,
        "places": [(str(place.latitude), str(place.longitude)) for place in read_seeds().locations or ()],
    }
    api = stack.enter_context(prefect_server(folder))
    env = prefect_environment(api, folder)
    stack.enter_context(running(environment.command("prefect_day", "serve"), folder, env))
    warm = stack.enter_context(running(environment.command("prefect_day"), folder, env, subprocess.PIPE))
    deployment = wait_for("Prefect's deployment", lambda: document_at(f"{api}/deployments/name/day/bench"))["id"]

    def timed(start: Callable[[dict[str, Any]], object]) -> Callable[[str], float]:
        def run(day: str) -> float:
            began = time.monotonic()
            start({**given, "day": day})
            wait_until_true(connection, IS_SHOWN, day)
            return time.monotonic() - began

        return run

    def served(parameters: dict[str, Any]) -> None:
        url = f"{api}/deployments/{deployment}/create_flow_run"
        requests.post(url, json={"parameters": parameters}, timeout=10).raise_for_status()

    def called(parameters: dict[str, Any]) -> None:
        assert warm.stdin
        warm.stdin.write(json.dumps(parameters).encode() + b"\n")
        warm.stdin.flush()

    def script(parameters: dict[str, Any]) -> None:
        subprocess.run(environment.command("script_day", json.dumps(parameters)), cwd=folder, env=env, check=True)

    return {
        "ours: `weather`, then `refresh_marts`": lambda day: window(ours, day, f"{day[:8]}{int(day[8:]) + 1:02}"),
        "a flow of Prefect: a run of its deployment": timed(served),
        "the same flow, called in a warm process": timed(called),
        "a plain script": timed(script),
    }


def table(seconds: dict[str, Figure]) -> Table:
    """The times, and ours of each of theirs."""
    ours, *theirs = seconds.values()
    ratios = [ratio(f"ours, of {figure.what}", ours, figure) for figure in theirs]
    return Table(
        "one day of ten places, trigger to refreshed mart, warm",
        (ours, *theirs, *ratios),
        {ours.what: Goal(at_most=3), ratios[0].what: Goal(at_most=1)},
        f"Prefect {environment.version_of('prefect')}.",
    )
