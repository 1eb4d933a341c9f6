"""supervisord for real: quoting of paths, restarts of what changed, and ending what a killed one leaves behind."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local import leftovers
from local.console import wait_until
from local.leftovers import remember_session, strays
from local.processes import alive, every_process
from local.settings import REPO, Paths
from local.supervisor import Program, Supervisor, listens, write

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
UNREADABLE = "import ctypes, os, time; ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE, as Airflow does; "
FORKING = [
    sys.executable,
    "-c",
    f"{UNREADABLE}\nif os.fork() == 0 and os.fork() == 0: os.setpgid(0, 0)\ntime.sleep(600)",
]
"""A child and a grandchild, the latter in a process group of its own: a worker of Airflow's scheduler and its task."""
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
    found = strays(paths)
    assert {process.pid for process in found} >= set(pids.values())
    Supervisor(paths).down()
    assert alive(found) == []
    assert stranger.is_running()
    stranger.kill()
    stranger.wait()


def forking(paths: Paths) -> tuple[Supervisor, psutil.Process, list[psutil.Process]]:
    """A program that has forked, with its descendants, beside another program."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO)}
    write([Program("forking", FORKING, env, options=AT_ONCE), Program("other", SLEEP, env, options=AT_ONCE)], paths)
    supervisor = Supervisor(paths)
    supervisor.launch()
    supervisor.apply()
    supervisor.start(["forking", "other"])
    wait_until(lambda: len(supervisor.pids()) == 2, 20, lambda: str(supervisor.states()))
    parent = psutil.Process(supervisor.pids()["forking"])
    wait_until(lambda: len(parent.children(recursive=True)) == 2, 20, lambda: "no forks")
    return supervisor, parent, parent.children(recursive=True)


def test_what_a_killed_program_had_forked_is_ended_before_it_starts_again(paths: Paths) -> None:
    """A fork holds what its parent held, a connection to the database with its locks above all."""
    supervisor, parent, descendants = forking(paths)
    other = supervisor.pids()["other"]
    parent.kill()
    wait_until(lambda: supervisor.pids().get("forking", parent.pid) != parent.pid, 20, lambda: str(supervisor.states()))
    wait_until(lambda: alive(descendants) == [], 20, lambda: str(descendants))
    assert supervisor.pids()["other"] == other


@pytest.mark.parametrize("ending", ["up", "down"])
def test_what_killed_programs_had_forked_is_found_by_up_and_by_down(ending: str, paths: Paths) -> None:
    """Also when supervisord has given the program up, or was killed with it."""
    supervisor, parent, descendants = forking(paths)
    supervisor._server().stopProcess("other")
    killed = [psutil.Process(int((paths.state / "supervisord.pid").read_text())), parent]
    for process in killed:
        process.kill()
    wait_until(lambda: alive(killed) == [], 20, lambda: str(killed))
    assert {process.pid for process in strays(paths)} == {process.pid for process in descendants}
    supervisor.clear_away() if ending == "up" else supervisor.down()
    assert alive(descendants) == []


def test_a_process_under_a_pid_that_another_one_had_is_found(paths: Paths) -> None:
    """psutil remembers who had it when it looked last."""
    supervisor, parent, descendants = forking(paths)
    for known in psutil.process_iter():
        if known in descendants:
            vars(known)["_pid_reused"] = True
    assert {process.pid for process in strays(paths)} >= {process.pid for process in [parent, *descendants]}
    supervisor.down()


def test_what_is_forked_while_orphans_are_looked_for_is_none(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler forks all the time; it was seen without a parent, and killed, when another program started."""
    forks = "import os, signal, time; signal.signal(signal.SIGUSR1, lambda *_: os.fork())\nwhile True: time.sleep(600)"
    write([Program("forking", [sys.executable, "-c", forks], options=AT_ONCE)], paths)
    supervisor = Supervisor(paths)
    supervisor.launch()
    supervisor.apply()
    supervisor.start(["forking"])
    wait_until(lambda: len(supervisor.pids()) == 1, 20, lambda: str(supervisor.states()))
    program = psutil.Process(supervisor.pids()["forking"])
    wait_until(lambda: forks in program.cmdline(), 20, lambda: "still another program")
    wait_until(lambda: program.status() == psutil.STATUS_SLEEPING, 20, lambda: "not ready for the signal")

    def looked_at() -> Iterator[psutil.Process]:
        yield from every_process()
        count = len(program.children(recursive=True))
        program.send_signal(signal.SIGUSR1)
        wait_until(lambda: len(program.children(recursive=True)) > count, 20, lambda: "no fork")

    monkeypatch.setattr(leftovers, "every_process", looked_at)
    assert leftovers.orphans(paths) == []


def test_a_session_noted_on_another_day_leads_to_nobody(paths: Paths) -> None:
    """Its number was given to somebody else since: a session whose first process lives, and one whose first is gone."""
    stranger = psutil.Popen([sys.executable, "-c", FORKING[2]], start_new_session=True)
    wait_until(lambda: len(stranger.children(recursive=True)) == 2, 20, lambda: "no forks")
    descendants = stranger.children(recursive=True)
    remember_session(paths, stranger.pid)
    assert strays(paths) == []
    stranger.kill()
    stranger.wait()
    for process in descendants:
        process.kill()


def test_processes_of_another_program_are_not_ours(paths: Paths) -> None:
    stranger = psutil.Popen(["sh", "-c", "sleep 600 & echo; exec sleep 600"], start_new_session=True, stdout=-3)
    wait_until(lambda: len(stranger.children()) == 1, 20, lambda: "no fork")
    child = stranger.children()[0]
    remember_session(paths, stranger.pid)
    stranger.kill()
    stranger.wait()
    assert strays(paths) == []
    child.kill()


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
