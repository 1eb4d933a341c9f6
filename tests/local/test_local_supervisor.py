"""supervisord for real: quoting of paths, restarts of what changed, and ending what a killed one leaves behind."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.console import wait_until
from local.settings import REPO, Paths
from local.supervisor import Program, Supervisor, listens, strays, write

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
AT_ONCE = {"startsecs": "0"}


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    repo = tmp_path / "a 100% check out"
    repo.mkdir()
    (repo / "local").symlink_to(REPO / "local")
    paths = Paths(repo)
    paths.create()
    yield paths
    Supervisor(paths).down()
    if paths.short != paths.state:
        paths.short.unlink()


def programs(colour: str) -> list[Program]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO), "DW_COLOUR": colour}
    return [Program("plain", SLEEP, options=AT_ONCE), Program("coloured", SLEEP, env, options=AT_ONCE)]


def started(paths: Paths, colour: str) -> dict[str, int]:
    """The pids after (re)starting with this configuration."""
    supervisor = Supervisor(paths)
    write(programs(colour), paths)
    supervisor.launch()
    supervisor.apply()
    supervisor.start(["plain", "coloured"])
    wait_until(lambda: len(supervisor.pids()) == 2, 20, lambda: str(supervisor.states()))
    return supervisor.pids()


def test_only_what_changed_is_restarted(paths: Paths) -> None:
    first = started(paths, "red")
    assert started(paths, "red") == first
    second = started(paths, "blue")
    assert second["plain"] == first["plain"]
    assert second["coloured"] != first["coloured"] and not psutil.pid_exists(first["coloured"])


def test_children_of_a_killed_supervisord_are_found_and_ended_and_no_others(paths: Paths) -> None:
    pids = started(paths, "red")
    stranger = psutil.Popen(SLEEP)
    daemon = int((paths.state / "supervisord.pid").read_text())
    os.kill(daemon, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(daemon)] if psutil.pid_exists(daemon) else [], 10)
    assert {process.pid for process in strays(paths)} >= set(pids.values())
    Supervisor(paths).down()
    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert stranger.is_running()
    stranger.kill()
    stranger.wait()


def test_what_a_killed_program_had_forked_is_ended_before_it_starts_again(paths: Paths) -> None:
    """A fork holds what its parent held, a connection to the database with its locks above all."""
    forks = "import os, time; os.fork(); time.sleep(600)"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO)}
    forking = Program("forking", [sys.executable, "-c", forks], env, options=AT_ONCE)
    write([forking, Program("other", SLEEP, env, options=AT_ONCE)], paths)
    supervisor = Supervisor(paths)
    supervisor.launch()
    supervisor.apply()
    supervisor.start(["forking", "other"])
    wait_until(lambda: len(supervisor.pids()) == 2, 20, lambda: str(supervisor.states()))
    before = supervisor.pids()
    parent = psutil.Process(before["forking"])
    wait_until(lambda: len(parent.children()) == 1, 20, lambda: "no fork")
    child = parent.children()[0]
    parent.kill()
    wait_until(lambda: supervisor.pids().get("forking", parent.pid) != parent.pid, 20, lambda: str(supervisor.states()))
    assert psutil.wait_procs([child], 20)[1] == []
    assert supervisor.pids()["other"] == before["other"]


def test_no_secret_in_the_configuration(paths: Paths) -> None:
    write(programs("a secret"), paths)
    assert "a secret" not in paths.supervisor_conf.read_text()
    assert paths.processes.stat().st_mode & 0o077 == 0


def test_a_port_belongs_to_the_process_that_listens_on_it() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert listens(os.getpid(), port)
        stranger = psutil.Popen(SLEEP)
        stranger_listens = listens(stranger.pid, port)
        stranger.kill()
        stranger.wait()
        assert not stranger_listens
    assert not listens(os.getpid(), port)
