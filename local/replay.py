"""`make replay`: rebuild a window of core from the answers that raw already holds, as after the correction of a transform."""

import argparse
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import psycopg
from airflow_client.client import ApiClient

from include.errors import BadWindow
from include.sources import SOURCES
from include.windows import Window, parse_moment
from local import environment, rest, runs
from local.console import Failure, out
from local.settings import Paths, Remembered
from local.supervisor import Supervisor

CHANGES = """
    SELECT coalesce(sum(rows_raw), 0), coalesce(sum(rows_published), 0), coalesce(sum(rows_changed), 0)
    FROM audit.load
    WHERE dag_id = %s AND run_id = %s AND status = 'published'
"""


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line: the window, and the places or pages it is restricted to."""

    dag_id: str
    window: Window
    names: list[str]

    @property
    def conf(self) -> dict[str, Any]:
        """The parameters of the run."""
        names = {SOURCES[self.dag_id].subjects.names_param: self.names} if self.names else {}
        moments = {"start_date": self.window.start.isoformat(), "end_date": self.window.end.isoformat()}
        return {**moments, **names, "replay": True}


class Parser(argparse.ArgumentParser):
    """Refuses in one line, with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def replay(paths: Paths, arguments: list[str]) -> int:
    """Exit code 0 when the run succeeded; Failure says which tasks did not, and why."""
    request = read(arguments, datetime.now(UTC))
    api = _running(paths)
    out.print(f"Replaying the stored answers of {request.dag_id} for {request.window}")
    run = runs.trigger(api, request.dag_id, request.conf)
    runs.watch(api, [run])
    out.print(_changes(paths, run))
    if run.state == "failed":
        raise Failure(runs.explain(api, run))
    return 0


def read(arguments: list[str], now: datetime) -> Request:
    """What the arguments ask for; SystemExit with code 2 and one line on stderr for wrong ones."""
    parser = Parser(prog="replay", description="Rebuilds core from the stored answers. Nobody is asked.")
    parser.add_argument("dag_id", choices=sorted(SOURCES), help="which source")
    parser.add_argument("-s", "--start-date", help="first date or datetime, UTC")
    parser.add_argument("-e", "--end-date", help="last one, inclusive: a date is its whole day. Default: the other one")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a place or page; may be repeated")
    options = parser.parse_args(arguments)
    try:
        window = _window(options.start_date or options.end_date, options.end_date or options.start_date, now)
    except (BadWindow, OverflowError) as error:
        parser.error(str(error))
    return Request(options.dag_id, window, options.only)


def _window(first: str | None, last: str | None, now: datetime) -> Window:
    """Half-open, from two inclusive dates or datetimes. BadWindow when there is none, or none that has begun."""
    if not first or not last:
        raise BadWindow("give a first and a last date, such as -s 2026-10-01 -e 2026-10-31")
    start = parse_moment(first, "-s")
    end = parse_moment(last, "-e") + (timedelta(days=1) if _is_date(last) else timedelta(seconds=1))
    if start >= end:
        raise BadWindow(f"-s {first} is after -e {last}")
    if start > now:
        raise BadWindow(f"-s {first} lies in the future: nothing is stored of it")
    return Window(start, end)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def _running(paths: Paths) -> ApiClient:
    """The API of this checkout's Airflow; Failure when it does not run."""
    if Supervisor(paths).is_up():
        remembered = Remembered.load(paths)
        if rest.health(remembered.airflow_address):
            return rest.connect(remembered.airflow_address, "admin", remembered.admin_password)
    raise Failure("Airflow of this checkout does not run: `make up` starts it.")


def _changes(paths: Paths, run: runs.Run) -> str:
    """What the ledger says the run did to core."""
    address = environment.given(os.environ).get("WAREHOUSE_URL")
    with psycopg.connect(address or environment.warehouse_url(paths.short / "postgres", "dw_owner")) as connection:
        row = connection.execute(CHANGES.encode(), (run.dag_id, run.run_id)).fetchone()
    assert row is not None  # an aggregate
    answers, offered, changed = row
    return f"Replayed {answers:,} stored answers: {changed:,} of {offered:,} rows changed in core."
