"""A disk of PostgreSQL's that is full: what does not fit is told and undone, and once there is room all of it goes on."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from uuid import uuid4

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.schema import bootstrap, migrate
from plugins.warehouse import ServerInTrouble
from sandbox import Fault, Sandbox
from tests.docker import do_without, docker, why_no_engine
from tests.warehouse.conftest import make_pipeline
from tests.warehouse.pipeline import STEPS, DagRun, Pipeline, snapshot, wait_for

SERVER = (
    "while :; do docker-entrypoint.sh postgres -c fsync=off -c min_wal_size=32MB -c max_wal_size=48MB; sleep 0.2; done"
)
"""Started again when it ends, as supervisord and Docker do; the disks are the container's, which stays."""

YEAR = {"start_date": "2024-01-01", "end_date": "2025-01-01"}
"""Two megabytes of it, more than is free inside of the files."""


@dataclass
class SmallDisks:
    """A PostgreSQL of its own: /space holds the tables of the warehouse, /disk all else, with the log of what was changed."""

    container: str
    address: str

    def url(self, role: str, database: str = "dw") -> str:
        return f"postgresql://{role}@{self.address}/{database}"

    def fill(self, disk: str) -> None:
        """Nothing more fits on it."""
        with suppress(subprocess.CalledProcessError):
            docker("exec", self.container, "dd", "if=/dev/zero", f"of={disk}/other", "bs=64k")
        with suppress(subprocess.CalledProcessError):
            docker("exec", self.container, "dd", "if=/dev/zero", f"of={disk}/more", "bs=1k")

    def make_room(self, disk: str) -> None:
        docker("exec", self.container, "rm", "-f", f"{disk}/other", f"{disk}/more")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="module")
def disks() -> Iterator[SmallDisks]:
    """They have room; the warehouse is migrated and empty."""
    if reason := why_no_engine():
        do_without(f"no disk can be filled here: {reason}")
    name = f"dw-small-disks-{uuid4().hex[:8]}"
    options = ["--tmpfs", "/disk:size=192m", "--tmpfs", "/space:size=64m", "-p", "127.0.0.1::5432"]
    settings = ["-e", "POSTGRES_HOST_AUTH_METHOD=trust", "-e", "PGDATA=/disk/data"]
    docker("run", "-d", "--name", name, *options, *settings, "--entrypoint", "bash", "postgres:15", "-c", SERVER)
    try:
        disks = SmallDisks(name, docker("port", name, "5432").split()[0])
        wait_for(disks.answers)
        docker("exec", "-u", "postgres", name, "mkdir", "/space/tables")
        bootstrap(disks.url("postgres", "postgres"))
        migrate(disks.url("dw_owner"))
        with psycopg.connect(disks.url("postgres", "postgres"), autocommit=True) as admin:
            admin.execute("CREATE TABLESPACE space LOCATION '/space/tables'")
            admin.execute("ALTER DATABASE dw SET TABLESPACE space")
        yield disks
    finally:
        docker("rm", "-f", name)


@pytest.fixture
def small(disks: SmallDisks, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """The pipeline against it."""
    with closing(psycopg.connect(disks.url("dw_owner"), autocommit=True)) as owner:
        yield make_pipeline(disks.url, owner, sandbox, monkeypatch)
    for disk in ("/space", "/disk"):
        disks.make_room(disk)
    wait_for(disks.answers)


def loaded_until(pipeline: Pipeline, step: str) -> DagRun:
    """A run that has this step to do, of other values than any before it."""
    run = pipeline.plan(DagRun("weather", f"{step} {uuid4()}", YEAR, pipeline.clock()))
    if step != "extract":
        assert pipeline.finish(run, until=STEPS[STEPS.index(step) - 1]).errors == {}
    return run


def told(pipeline: Pipeline, step: str, run: DagRun) -> str:
    """What a task says that is tried again."""
    with pytest.raises(ServerInTrouble) as raised:
        pipeline.execute("weather", step, run.loads[0])
    assert not isinstance(raised.value, AirflowFailException)
    return str(raised.value)


@pytest.mark.parametrize(("number", "step"), enumerate(["extract", "transform", "publish"]))
def test_g6_what_does_not_fit_is_told_and_undone_and_a_rerun_completes(
    small: Pipeline, disks: SmallDisks, sandbox: Sandbox, number: int, step: str
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 20 + number))
    run = loaded_until(small, step)
    before = snapshot(small)
    disks.fill("/space")
    first, what, advice = told(small, step, run).splitlines()
    assert first.endswith(": PostgreSQL's disk is full")
    assert "No space left on device" in what
    assert advice.startswith("make room for it; clear this task where no try is left")
    disks.make_room("/space")
    assert snapshot(small) == before
    assert small.finish(run, since=step).errors == {}
    expected = [(2 * 366 * 24, 20 + number, 20 + number)]
    assert (
        small.rows("SELECT count(*), min(temperature_celsius), max(temperature_celsius) FROM core.weather") == expected
    )


def test_g6_a_log_of_changes_that_does_not_fit_stops_the_server_until_there_is_room(
    small: Pipeline, disks: SmallDisks, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 30))
    run = loaded_until(small, "publish")
    disks.fill("/disk")
    with (
        psycopg.connect(disks.url("postgres", "postgres"), autocommit=True) as admin,
        suppress(psycopg.OperationalError),
    ):
        for _ in range(100):  # what is left of the files it has
            admin.execute("SELECT pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
    assert (
        told(small, "publish", run)
        .splitlines()[0]
        .endswith((": the warehouse does not answer", " starting or stopping"))
    )
    assert not disks.answers()
    disks.make_room("/disk")
    wait_for(disks.answers)
    with psycopg.connect(disks.url("dw_owner"), autocommit=True) as small.owner:
        assert small.finish(run, since="publish").errors == {}
        assert small.rows("SELECT DISTINCT temperature_celsius FROM core.weather") == [(30,)]
