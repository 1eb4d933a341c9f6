"""Where the local run keeps its state, what it remembers between runs, and which ports it uses."""

import hashlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.console import Failure

REPO = Path(__file__).resolve().parent.parent
# sun_path holds 104 bytes on macOS and 108 on Linux; supervisor binds its socket under a name 11 bytes longer first.
LONGEST_SOCKET_DIRECTORY = 100 - len("/postgres/.s.PGSQL.5432")


@dataclass(frozen=True)
class Paths:
    """The files of one checkout. Everything the local run writes, apart from .venv, is below `state`."""

    repo: Path = REPO

    @property
    def state(self) -> Path:
        return self.repo / ".local"

    @property
    def env_file(self) -> Path:
        return self.state / "env"

    @property
    def remembered(self) -> Path:
        return self.state / "settings.json"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def postgres(self) -> Path:
        return self.state / "postgres"

    @property
    def airflow(self) -> Path:
        return self.state / "airflow"

    @property
    def passwords(self) -> Path:
        return self.airflow / "passwords.json"

    @property
    def processes(self) -> Path:
        return self.state / "processes.json"

    @property
    def session(self) -> Path:
        return self.state / "supervisord.session"

    @property
    def supervisor_conf(self) -> Path:
        return self.state / "supervisord.conf"

    @property
    def short(self) -> Path:
        """A path to `state` short enough for socket addresses: itself, or a symbolic link (see `link_short`)."""
        if len(os.fsencode(self.state)) <= LONGEST_SOCKET_DIRECTORY:
            return self.state
        checkout = hashlib.sha256(os.fsencode(self.state)).hexdigest()[:12]
        return Path("/tmp") / f"dw-{os.getuid()}-{checkout}"

    @property
    def supervisor_socket(self) -> Path:
        return self.short / "supervisor.sock"

    def create(self) -> None:
        """Makes the folders. Root's PostgreSQL runs as another user, who must be able to pass through `state`."""
        for folder in (self.state, self.logs, self.airflow):
            folder.mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o711 if os.getuid() == 0 else 0o700)
        self.logs.chmod(0o700)
        self.airflow.chmod(0o700)
        self.link_short()

    def link_short(self) -> None:
        """Makes the link when the checkout's own path is too long. Failure when someone else has taken its name."""
        link = self.short
        if link == self.state:
            return
        if not link.is_symlink() and not link.exists():
            link.symlink_to(self.state)
        if not link.is_symlink() or link.lstat().st_uid != os.getuid() or link.readlink() != self.state:
            raise Failure(f"{link} is in the way: this checkout needs that name for its sockets. Remove it.")


def write_private(path: Path, text: str) -> None:
    """Writes a file only its owner can read, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


@dataclass
class Remembered:
    """What the first `make up` chose and the next ones keep: secrets, ports, the start of catchup."""

    fernet_key: str
    jwt_secret: str
    api_secret_key: str
    admin_password: str
    start_date: str
    airflow_port: int = 8080
    sandbox_port: int = 8090

    @property
    def airflow_address(self) -> str:
        return f"http://127.0.0.1:{self.airflow_port}"

    @classmethod
    def load(cls, paths: Paths) -> "Remembered":
        """Reads the file of the last run, or chooses everything anew and writes it."""
        kept: dict[str, Any] = {}
        if paths.remembered.exists():
            try:
                kept = json.loads(paths.remembered.read_text())
            except ValueError:
                raise Failure(f"{paths.remembered} is damaged. `make clean` starts afresh, without the data.") from None
        remembered = cls(**(_first_choice() | kept))
        remembered.save(paths)
        return remembered

    def save(self, paths: Paths) -> None:
        write_private(paths.remembered, json.dumps(vars(self), indent=2) + "\n")


def _first_choice() -> dict[str, str]:
    from base64 import urlsafe_b64encode

    return {
        "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "jwt_secret": secrets.token_urlsafe(48),
        "api_secret_key": secrets.token_urlsafe(32),
        "admin_password": secrets.token_urlsafe(9),
        "start_date": datetime.now(UTC).date().isoformat(),
    }


def fingerprint(folders: list[Path], suffixes: tuple[str, ...]) -> str:
    """Changes when a file with one of these suffixes, anywhere below the folders, does."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(found for found in folder.rglob("*") if found.suffix in suffixes and found.is_file()):
            digest.update(os.fsencode(file.relative_to(folder)) + file.read_bytes())
    return digest.hexdigest()[:16]


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_from(given: Mapping[str, str], names: tuple[str, ...], remembered: int) -> int:
    """The port the environment asks for under one of `names`, else the remembered one. Failure when it is not a port."""
    for name in names:
        text = given.get(name, "").strip()
        if not text:
            continue
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            raise Failure(f"{name}={text} is not a port: give a number from 1 to 65535.")
        return int(text)
    return remembered


def choose_port(wanted: int, held: int | None = None, avoid: frozenset[int] = frozenset()) -> int:
    """`wanted` when it is free or `held` by our own running process, else the next free one."""
    for port in _upwards(wanted):
        if port not in avoid and (port == held or port_is_free(port)):
            return port
    raise Failure(f"No free port from {wanted} on. Set DW_AIRFLOW_PORT or DW_SANDBOX_PORT to a lower one.")


def _upwards(port: int) -> Iterator[int]:
    yield from range(port, min(port + 500, 65536))
