"""One day of ten places, from the trigger to the refreshed mart: the local stack, a flow of Prefect 3, a plain script.

docs/benchmarks.md says what each does.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psycopg
import requests

from include.sources.weather import SOURCE
from include.subjects import Place
from include.warehouse import Connection
from include.windows import Window
from tests.bench.airflow import running_stack, wait_until_true, window
from tests.bench.contestants import environment
from tests.bench.contestants.table import make_table
from tests.bench.figures import Figure, Goal, Table, ratio
from tests.e2e.stack import Stack, free_port, wait_for

DAYS = 7
YEAR = Window(datetime(2018, 1, 1, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC))
MART = """
    CREATE MATERIALIZED VIEW contestant.daily AS
    SELECT
        location_id,
        (observed_at AT TIME ZONE 'UTC')::date AS day,
        count(*) AS observation_count,
        avg(temperature_celsius)::numeric(5, 2) AS avg_temperature_celsius,
        min(temperature_celsius) AS min_temperature_celsius,
        max(temperature_celsius) AS max_temperature_celsius,
        avg(humidity_percent)::numeric(5, 2) AS avg_humidity_percent,
        sum(precipitation_mm) AS total_precipitation_mm,
        avg(pressure_hpa)::numeric(6, 2) AS avg_pressure_hpa,
        avg(wind_speed_mps)::numeric(6, 2) AS avg_wind_speed_mps,
        mode() WITHIN GROUP (ORDER BY weather_code) AS most_common_weather_code
    FROM contestant.weather
    GROUP BY 1, 2
"""
IS_SHOWN = "SELECT count(*) = 10 FROM contestant.daily WHERE day = %s"


def measure(quick: bool) -> list[Table]:
    """The table of this part."""
    environment.prepare()
    with ExitStack() as stack:
        ours, _ = stack.enter_context(running_stack())
        connection = stack.enter_context(psycopg.connect(ours.warehouse_url, autocommit=True))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dw-contestant-")))
        make_table(connection, [YEAR])
        connection.execute(MART)
        connection.execute("CREATE UNIQUE INDEX ON contestant.daily (location_id, day)")
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
    places = [
        Place(*row)
        for row in SOURCE.subjects.of_load(connection, [key for key, _ in SOURCE.subjects.active(connection, None)])
    ]
    given = {
        "api": ours.sandbox_url,
        "database": ours.warehouse_url,
        "places": [(str(place.latitude), str(place.longitude)) for place in places],
    }
    api = stack.enter_context(prefect_server(folder))
    env = environment.environment(**prefect_settings(api, folder))
    stack.enter_context(running(environment.command("prefect_day", "serve"), folder, env))
    warm = stack.enter_context(running(environment.command("prefect_day"), folder, env, subprocess.PIPE))
    deployment = wait_for("Prefect's deployment", lambda: found(f"{api}/deployments/name/day/bench"))["id"]

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


def prefect_settings(api: str, folder: Path) -> dict[str, str]:
    """A runner that looks for runs every second instead of every ten."""
    return {"PREFECT_API_URL": api, "PREFECT_HOME": str(folder / "prefect"), "PREFECT_RUNNER_POLL_FREQUENCY": "1"}


@contextmanager
def prefect_server(folder: Path) -> Iterator[str]:
    """Prefect's server with its SQLite, as it comes: the URL of its API."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    command = [str(environment.PYTHON), "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, folder, environment.environment(**prefect_settings(api, folder))):
        wait_for("Prefect's server", lambda: found(f"{api}/health") is not None)
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
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def found(url: str) -> Any:
    """The JSON document there, None while there is none."""
    try:
        response = requests.get(url, timeout=5)
    except requests.ConnectionError:
        return None
    return response.json() if response.ok else None


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
