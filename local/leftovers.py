"""What still runs of this checkout although nobody supervises it: found without reading its environment, and ended.

Airflow 3.3.2 makes its workers unreadable for the user that started them (PR_SET_DUMPABLE), so neither their environment nor
their working directory tells whose they are. The session does: supervisord opens one, what it starts stays in it, and neither
a fork nor a new process group leaves it. PostgreSQL's own processes open sessions of their own; its data directory is theirs.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psutil

from local import postgres
from local.processes import alive, every_process
from local.settings import Paths, write_private

POLITE_SECONDS = 10
KILLED_SECONDS = 10
SERVER_SECONDS = 60


def remember_session(paths: Paths, supervisord: int) -> None:
    """Notes the session of a supervisord, for when it is gone. Its own pid file goes with it."""
    write_private(paths.session, f"{supervisord}\n")


def strays(paths: Paths) -> list[psutil.Process]:
    """Every process of this checkout: the session of its supervisord, and what serves its data directory."""
    return list(dict.fromkeys([*alive(_in_session(paths)), *alive(postgres.processes(paths.postgres))]))


def orphans(paths: Paths) -> list[psutil.Process]:
    """What killed programs have forked, as long as supervisord lives: without it, everything would be an orphan.

    These are the processes of the session that do not descend from supervisord any more, and a killed PostgreSQL's.
    """
    session = _session(paths)
    ours = alive(_in_session(paths))
    # After that, or what is forked meanwhile would be without a parent.
    parents = {}
    for process in every_process():
        with suppress(psutil.Error):
            parents[process.pid] = process.ppid()

    def descends(pid: int) -> bool:
        while pid > 1 and pid != session:
            pid = parents.get(pid, 0)
        return pid == session

    if session not in [process.pid for process in ours]:
        return []
    backends = [] if postgres.postmaster(paths.postgres) else alive(postgres.processes(paths.postgres))
    return [process for process in ours if not descends(process.pid)] + backends


def end_orphans(paths: Paths) -> None:
    """Kills what killed programs have forked, and returns when it is gone.

    The workers of a killed scheduler (Airflow 3.3.2) wait for work for ever, and they have inherited its connection:
    PostgreSQL does not see it closed and keeps the locks of the transaction that the scheduler was in, so the next
    scheduler finds no run that it could lock. The backends of a killed PostgreSQL keep another one from starting until
    they have done what they were doing.
    """
    _kill_all(lambda: orphans(paths))


def end_strays(paths: Paths) -> int:
    """Ends every process of this checkout; returns how many there were.

    Politely at first, PostgreSQL last and by its own fast shutdown; what ignores that is killed.
    """
    found = strays(paths)
    server = postgres.postmaster(paths.postgres)

    def others() -> list[psutil.Process]:
        return [process for process in alive(_in_session(paths)) if process != server]

    _signal(others(), signal.SIGTERM)
    _wait(others, POLITE_SECONDS)
    _kill_all(others)
    if server:
        _signal([server], signal.SIGINT)
        _wait(lambda: alive([server]), SERVER_SECONDS)
    _kill_all(lambda: alive(postgres.processes(paths.postgres)))
    paths.session.unlink(missing_ok=True)
    return len(found)


def _session(paths: Paths) -> int | None:
    with suppress(OSError, ValueError):
        return int(paths.session.read_text())
    return None


def _in_session(paths: Paths) -> list[psutil.Process]:
    """The processes of the noted session. The note may be of another day: a pid that was used again proves nothing."""
    session = _session(paths)
    if session is None:
        return []
    leader = [process for process in alive(_members(session)) if process.pid == session]
    if leader:
        return _members(session) if str(paths.supervisor_conf) in _command_line(leader[0]) else []
    return [process for process in _members(session) if _is_ours(process, paths)]


def _is_ours(process: psutil.Process, paths: Paths) -> bool:
    """Whether the command line is one that supervisord starts here, or what Airflow's processes rename theirs to."""
    ours = (f"{paths.repo}{os.sep}", f"{sys.prefix}{os.sep}", ".venv/bin/", "airflow ")
    words = _command_line(process)
    # Without words it is about to become another program.
    return not words or any(word.startswith(ours) for word in words)


def _command_line(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def _members(session: int) -> list[psutil.Process]:
    found = []
    for process in every_process():
        with suppress(OSError):
            if process.pid != os.getpid() and os.getsid(process.pid) == session:
                found.append(process)
    return found


def _kill_all(find: Callable[[], list[psutil.Process]]) -> None:
    """SIGKILL to all that `find` finds, again and again: a process may fork before the signal reaches it."""

    def killed() -> list[psutil.Process]:
        left = find()
        _signal(left, signal.SIGKILL)
        return left

    _wait(killed, KILLED_SECONDS)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)


def _wait(left: Callable[[], list[psutil.Process]], seconds: float) -> None:
    """Until nothing is left, or the time is over."""
    deadline = time.monotonic() + seconds
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
