"""A command that waits says for whom."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include import audit, waits
from include.audit.judge import judge as judge_units
from include.waits import watched
from include.warehouse import run, statement
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import Pipeline, wait_for
from tests.warehouse.places import BOSTON, NEW_ENGLAND, PHOENIX

NUMBERS = count(1)
SINCE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
FOLLOWED = (0, "seed: 10 locations and 8 pages are followed\n")
AUDITED = """
    WITH load AS (
        INSERT INTO audit.load (
            dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, attempt, audited_at
        )
        SELECT 'weather', 'manual__1', 0, 'weather', array_agg(location_id), '2026-10-01', '2026-10-02', 'audited', 1, now()
        FROM core.location
        RETURNING load_id
    )

    INSERT INTO staging.staged_load
    SELECT load_id FROM load
    RETURNING load_id
"""


@dataclass
class Command:
    """A command in a process of its own."""

    process: "subprocess.Popen[str]"
    errors: Path

    def says(self, pattern: str) -> re.Match[str]:
        """What it has on standard error, once that matches."""
        wait_for(lambda: re.search(pattern, self.errors.read_text()) or self.process.poll() is not None)
        found = re.search(pattern, self.errors.read_text())
        assert found, self.errors.read_text()
        return found

    def ends(self) -> tuple[int, str]:
        """Its exit status and its standard output."""
        out = self.process.communicate()[0]
        return self.process.returncode, out


Start = Callable[..., Command]


@pytest.fixture
def start(server: str, database: Callable[[str], str], tmp_path: Path) -> Iterator[Start]:
    """Starts `python -m include` with a command; what still runs in the end is killed."""
    environment = os.environ | {"WAREHOUSE_URL": database("dw_owner"), "WAREHOUSE_ADMIN_URL": server}
    with ExitStack() as stack:

        def start_command(command: str, **more: str) -> Command:
            errors = tmp_path / f"{command} {next(NUMBERS)}"
            process = subprocess.Popen(
                [sys.executable, "-m", "include", command],
                env=environment | more,
                stdout=subprocess.PIPE,
                stderr=stack.enter_context(errors.open("w")),
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return Command(process, errors)

        yield start_command


@contextmanager
def publishing(owner: psycopg.Connection, loader_url: str) -> Iterator[psycopg.Connection]:
    """A connection of dw_loader with the locks of a publish."""
    row = owner.execute(AUDITED).fetchone()
    assert row is not None
    # A connection that the test has ended cannot be committed.
    with closing(psycopg.connect(loader_url, application_name="a task")) as loader:
        for statement in ("ops/lock_audited_load.sql", "places/lock.sql"):
            run(loader, statement, {"load_id": row[0]})
        yield loader


def test_a_seed_that_waits_for_a_publish_names_its_load_and_what_ends_it(
    database: Callable[[str], str], owner: psycopg.Connection, start: Start
) -> None:
    follow(owner, [BOSTON, PHOENIX], [NEW_ENGLAND])
    with publishing(owner, database("dw_loader")) as loader:
        seed, publish = start("seed"), loader.info.backend_pid
        seed.says("\n")
        loader.rollback()
        assert seed.ends() == FOLLOWED
        assert re.fullmatch(
            rf"seed: waits for dw_loader \(PostgreSQL process {publish}, a task\), load 1 of weather, run manual__1, audited, "
            rf"idle in transaction for \d+ s, since {SINCE}, at \"-- Publishes that share a place .*\"; "
            rf"to end it: SELECT pg_terminate_backend\({publish}\) as dw_owner or a superuser\n",
            seed.errors.read_text(),
        ), seed.errors.read_text()


def test_the_words_that_end_a_process_end_it(
    database: Callable[[str], str], owner: psycopg.Connection, start: Start
) -> None:
    follow(owner, [BOSTON], [])
    with publishing(owner, database("dw_loader")):
        seed = start("seed")
        words, role = seed.says(r"to end it: (SELECT .*) as (\w+) or").groups()
        with psycopg.connect(database(role), autocommit=True) as same_role:
            assert same_role.execute(words).fetchone() == (True,)
        assert seed.ends() == FOLLOWED


def test_a_seed_behind_another_names_the_other_and_whom_that_waits_for(
    database: Callable[[str], str], owner: psycopg.Connection, start: Start
) -> None:
    follow(owner, [BOSTON, PHOENIX], [NEW_ENGLAND])
    with publishing(owner, database("dw_loader")) as loader:
        first, publish = start("seed"), loader.info.backend_pid
        first.says(f"process {publish}, ")
        second = start("seed")
        second.says(rf"seed: waits for dw_loader \(PostgreSQL process {publish}, a task\), load 1 of weather")
        second.says(
            rf"seed: waits for dw_owner \(PostgreSQL process \d+, seed {first.process.pid}@\S+\), active in a transaction for "
            rf"\d+ s, since {SINCE}, at '-- All places, in key order.*, which itself waits for {publish}; to end it: SELECT"
        )
        loader.rollback()
        assert first.ends() == second.ends() == FOLLOWED


@pytest.mark.parametrize(
    ("command", "role", "held", "ending"),
    [
        ("migrate", "dw_owner", statement("ops/lock_schema.sql"), 0),
        ("gaps", "dw_owner", "LOCK TABLE audit.catchup, audit.load", 2),
        ("bootstrap", "postgres", "ALTER ROLE dw_reader PASSWORD NULL", 0),
    ],
)
def test_the_other_commands_say_so_too(
    database: Callable[[str], str], start: Start, command: str, role: str, held: str, ending: int
) -> None:
    with psycopg.connect(database(role)) as other:
        other.execute(held)
        waiting = start(command, DW_READER_PASSWORD="x")
        waiting.says(
            rf"{command}: waits for {role} \(PostgreSQL process {other.info.backend_pid}\), idle in transaction for "
        )
        other.rollback()
        assert waiting.ends()[0] == ending


def test_a_command_that_does_not_wait_is_not_looked_at(
    database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked: list[object] = []  # in another thread, whose error would be no failure
    monkeypatch.setattr(waits, "_waited_for", lambda *sought: looked.append(sought))
    before = threading.active_count()
    with watched("seed", database("dw_owner")) as address, psycopg.connect(address) as connection:
        assert f"application_name=seed\\ {os.getpid()}@" in connection.info.get_parameters()["options"]
    assert threading.active_count() == before
    assert looked == []
    assert capsys.readouterr() == ("", "")


def test_a_watch_that_cannot_connect_says_nothing_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waits, "PATIENCE_SECONDS", 0.05)
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(60)
        with watched("seed", f"postgresql://dw_owner@127.0.0.1:{deaf.getsockname()[1]}/dw"):
            for _ in range(2):  # the second look comes after the first has failed
                deaf.accept()[0].close()
    wait_for(lambda: threading.active_count() == before)
    assert capsys.readouterr() == ("", "")


def test_audits_of_different_loads_do_not_wait_for_each_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statistics that an audit begins with are made under a lock on all that is staged: it is gone when units are judged."""
    held: list[list[tuple[str]]] = []

    def judge(*arguments: Any) -> Any:
        held.append(pipeline.rows(LOCKED_AS_A_WHOLE))
        return judge_units(*arguments)

    monkeypatch.setattr(audit, "judge", judge)
    assert pipeline.run("weather", "2026-10-05", "2026-10-06").errors == {}
    assert held == [[]]


LOCKED_AS_A_WHOLE = """
    SELECT relation::regclass::text
    FROM pg_locks
    INNER JOIN pg_stat_activity USING (pid)
    WHERE usename = 'dw_loader' AND mode LIKE 'Share%' AND relation = ANY(ARRAY['staging.weather', 'staging.revision']::regclass [])
"""
