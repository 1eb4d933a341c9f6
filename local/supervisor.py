"""The processes of this checkout under supervisord: started, restarted when they die or change, stopped; no others."""

import configparser
import hashlib
import io
import json
import os
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwnam
from typing import Any

import psutil

from local import postgres
from local.console import Failure, wait_until
from local.environment import matters
from local.leftovers import end_orphans, end_strays, remember_session
from local.settings import Paths, write_private


@dataclass(frozen=True)
class Program:
    """One supervised process, with the whole environment that it gets (empty: supervisord's own).

    `version` is any text whose change means that it has to be restarted; `user` is whom it runs as when root starts it.
    """

    name: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    version: str = ""
    user: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        relevant = {name: value for name, value in self.env.items() if matters(name)}
        text = json.dumps([self.argv, relevant, self.version], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def configuration(programs: Iterable[Program], paths: Paths) -> str:
    """The text of supervisord.conf. Paths are relative to the checkout, so its name needs no quoting."""
    conf = configparser.RawConfigParser()
    socket = ".local/supervisor.sock" if paths.short == paths.state else str(paths.supervisor_socket)
    conf["unix_http_server"] = {"file": socket, "chmod": "0700"}
    conf["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    conf["supervisord"] = {
        "logfile": ".local/logs/supervisord.log",
        "pidfile": ".local/supervisord.pid",
        "childlogdir": ".local/logs",
        "umask": "077",
    }
    if os.geteuid() == 0:
        conf["supervisord"]["user"] = "root"
    for program in programs:
        conf[f"program:{program.name}"] = _section(program, paths)
    text = io.StringIO()
    conf.write(text)
    return text.getvalue()


def _section(program: Program, paths: Paths) -> dict[str, str]:
    section = {
        "command": _command(program, paths),
        "autostart": "false",
        "autorestart": "true",
        "startretries": "5",
        "startsecs": "2",
        "stopwaitsecs": "30",
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": f".local/logs/{program.name}.log",
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": "1",
    }
    return section | program.options


def _command(program: Program, paths: Paths) -> str:
    """Every program goes through `local exec`, which reads its environment elsewhere: no secret stands here."""
    command = [sys.executable, "-m", "local", "exec", program.name, program.fingerprint()]
    return shlex.join(postgres.relative_to_repo(command, paths)).replace("%", "%%")


def write(programs: list[Program], paths: Paths) -> None:
    """Writes what supervisord and `local exec` read."""
    written = {p.name: {"argv": p.argv, "env": p.env, "user": p.user} for p in programs}
    write_private(paths.processes, json.dumps(written))
    write_private(paths.supervisor_conf, configuration(programs, paths))


def replace_this_process(name: str) -> None:
    """Becomes the program `name` (never returns). The pid stays the one supervisord knows, which starts it in the checkout."""
    paths = Paths(Path.cwd())
    program = json.loads(paths.processes.read_text())[name]
    end_orphans(paths)
    # Not by supervisord's own option: it refuses a configuration with a user that does not exist yet.
    if program["user"]:
        user = getpwnam(program["user"])
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    os.execve(program["argv"][0], program["argv"], program["env"] or os.environ)


class Supervisor:
    """A client of this checkout's supervisord, over its Unix socket."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def _server(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]

        transport = SupervisorTransport(None, None, f"unix://{self.paths.supervisor_socket}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def is_up(self) -> bool:
        """Whether supervisord answers."""
        with suppress(OSError, xmlrpc.client.Error, EOFError):
            return bool(self._server().getState()["statename"] == "RUNNING")
        return False

    def clear_away(self) -> None:
        """Ends what killed programs have left; without a supervisord that answers, everything of this checkout."""
        if self.is_up():
            end_orphans(self.paths)
        else:
            end_strays(self.paths)

    def launch(self) -> None:
        """Starts supervisord in the background when it does not answer."""
        if not self.is_up():
            self._daemonize()
        remember_session(self.paths, self._server().getPID())

    def _daemonize(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.paths.supervisor_conf)]
        answer = subprocess.run(command, cwd=self.paths.repo, capture_output=True, text=True)
        if answer.returncode:
            raise Failure(f"supervisord did not start:\n{(answer.stderr or answer.stdout).strip()}")
        log = self.paths.logs / "supervisord.log"
        wait_until(self.is_up, 20, lambda: f"supervisord does not answer; its log: {log}")

    def outdated(self) -> list[str]:
        """The programs that run with another configuration than the file's, or are not in it any more."""
        _, changed, removed = self._server().reloadConfig()[0]
        return _running(self.states(), changed + removed)

    def apply(self) -> None:
        """Takes over a changed configuration: what changed is stopped, and has to be started again."""
        server = self._server()
        added, changed, removed = server.reloadConfig()[0]
        self.stop(name for name in changed + removed if name != "postgres")
        self.stop(name for name in changed + removed if name == "postgres")
        for name in changed + removed:
            server.removeProcessGroup(name)
        for name in added + changed:
            server.addProcessGroup(name)

    def states(self) -> dict[str, str]:
        """Program name -> STOPPED, STARTING, RUNNING, BACKOFF, FATAL, ...; empty when supervisord does not answer."""
        with suppress(OSError, xmlrpc.client.Error, EOFError):
            return {info["name"]: info["statename"] for info in self._server().getAllProcessInfo()}
        return {}

    def pids(self) -> dict[str, int]:
        """Program name -> pid of those that run."""
        with suppress(OSError, xmlrpc.client.Error, EOFError):
            return {info["name"]: info["pid"] for info in self._server().getAllProcessInfo() if info["pid"]}
        return {}

    def start(self, names: Iterable[str]) -> None:
        """Starts those that do not run, without waiting for them."""
        states = self.states()
        for name in names:
            if states.get(name) not in ("RUNNING", "STARTING", "BACKOFF"):
                self._server().startProcess(name, False)

    def stop(self, names: Iterable[str]) -> None:
        """Stops these programs at the same time and waits for all of them; supervisord kills what takes too long."""
        pending = list(names)
        for name in pending:
            with suppress(xmlrpc.client.Fault):
                self._server().stopProcess(name, False)
        wait_until(lambda: not _running(self.states(), pending), 90, lambda: f"These do not stop: {', '.join(pending)}")

    def down(self) -> int:
        """Stops everything of this checkout, also what a killed supervisord left; returns how many processes."""
        states = self.states()
        running = _running(states, states)
        if states:
            # The scheduler's tasks report their end to the web server, and all of them to PostgreSQL.
            self.stop(name for name in running if name == "scheduler")
            self.stop(name for name in running if name not in ("scheduler", "postgres"))
            self.stop(["postgres"])
            daemon = self._server().getPID()
            self._server().shutdown()
            with suppress(psutil.Error):
                psutil.Process(daemon).wait(20)
        return len(running) + end_strays(self.paths)


def _running(states: Mapping[str, str], names: Iterable[str]) -> list[str]:
    return [name for name in names if states.get(name) in ("RUNNING", "STARTING", "BACKOFF", "STOPPING")]


def listens(pid: int, port: int) -> bool:
    """Whether this process or one of its children accepts connections on a TCP port."""
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        sockets = [s for p in [process, *process.children(recursive=True)] for s in p.net_connections("tcp")]
        return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)
    return False


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented; for messages."""
    with suppress(OSError):
        return "\n".join("  " + line for line in log.read_text(errors="replace").splitlines()[-lines:])
    return "  (no log)"
