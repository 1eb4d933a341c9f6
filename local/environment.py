"""The environment of the local run: the user's settings win over the defaults; .local/env carries both to any shell."""

import json
import os
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from local.console import Failure
from local.settings import Paths

# Holds `NAME=value` lines: the defaults that sourcing .local/env put into a shell. A variable that still has that value
# was not given by the user, also when that shell calls `make up` later or sources another checkout's file.
MARK = "DW_LOCAL_DEFAULTS"
# What these ask for shows in the connections, in airflow.cfg and in the sandbox's command line.
RESOLVED = ("DW_APIS", "DW_AIRFLOW_PORT", "DW_SANDBOX_PORT", "AIRFLOW__API__PORT")
MANAGED = ("AIRFLOW", "DW_", "WAREHOUSE_", "GX_", "OTEL_", "PYTHONPATH")
NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def api_connections(apis: str, sandbox_port: int) -> dict[str, dict[str, str]]:
    """The variable of each source's connection -> the connection."""
    # Every program starts through this package, and none needs the sources for that.
    from include import connections

    found = connections.api_connections(None if apis == "real" else f"http://127.0.0.1:{sandbox_port}")
    return {connections.variable(connection_id): connection for connection_id, connection in found.items()}


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables the user set: all but those that a sourced .local/env filled in."""
    filled = dict(line.split("=", 1) for line in environ.get(MARK, "").splitlines() if "=" in line)
    return {name: value for name, value in environ.items() if name != MARK and filled.get(name) != value}


def matters(name: str) -> bool:
    """Whether a process that runs with another value of this variable has to be restarted."""
    return (name.startswith(MANAGED) and name not in RESOLVED) or name.upper() in NETWORK


def choose_apis(user: Mapping[str, str]) -> tuple[str, str]:
    """`sandbox` or `real`, and why, in words for the screen. Failure when DW_APIS is neither of these nor `auto`."""
    wanted = user.get("DW_APIS", "").strip().lower() or "auto"
    services = api_connections("real", 0)
    if all(name in user for name in services):
        return "real", "the APIs of your own AIRFLOW_CONN_… settings"
    if wanted == "sandbox":
        return "sandbox", "the sandbox in place of the real APIs (DW_APIS=sandbox): its values are made up"
    if wanted == "real" or (wanted == "auto" and _reachable(services["AIRFLOW_CONN_OPEN_METEO"]["host"], user)):
        return "real", "the real APIs of Open-Meteo and MediaWiki"
    if wanted == "auto":
        return "sandbox", "the sandbox, because api.open-meteo.com cannot be reached from here: its values are made up"
    raise Failure(f"DW_APIS={wanted} is not known: use sandbox, real or auto.")


def _reachable(url: str, user: Mapping[str, str]) -> bool:
    """Whether the host, or the proxy in front of it, accepts a connection within 2 seconds."""
    from urllib.parse import urlsplit

    proxy = user.get("https_proxy") or user.get("HTTPS_PROXY")
    target = urlsplit(proxy if proxy and "://" in proxy else f"//{proxy}" if proxy else url)
    if not target.hostname:
        return False
    try:
        socket.create_connection((target.hostname, target.port or 443), timeout=2).close()
    except (OSError, ValueError):
        return False
    return not proxy or _responses(url)


def _responses(url: str) -> bool:
    """Whether an HTTP request arrives; a reachable proxy alone says nothing about the host behind it."""
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    try:
        urlopen(url, timeout=2).close()
    except HTTPError as error:
        return error.code < 500 and error.code not in (403, 407)
    except (URLError, OSError):
        return False
    return True


def warehouse_url(socket_directory: Path, role: str, database: str = "dw") -> str:
    """A libpq URL over the Unix socket."""
    return f"postgresql://{role}@/{database}?host={quote(str(socket_directory), safe='')}"


def warehouse_connection(socket_directory: Path, role: str) -> str:
    """An Airflow connection to the warehouse. `sqlalchemy_query` carries the socket where a URL's host part cannot."""
    host = str(socket_directory)
    extra = {"host": host, "sqlalchemy_query": {"host": host}}
    return json.dumps({"conn_type": "postgres", "login": role, "schema": "dw", "extra": extra})


def defaults(socket_directory: Path, apis: str, start_date: str, ports: tuple[int, int]) -> dict[str, str]:
    """Every variable the user can override by setting it. `ports` are those of Airflow and of the sandbox."""
    return {
        "WAREHOUSE_URL": warehouse_url(socket_directory, "dw_owner"),
        "AIRFLOW_CONN_WAREHOUSE": warehouse_connection(socket_directory, "dw_loader"),
        "AIRFLOW_CONN_WAREHOUSE_READER": warehouse_connection(socket_directory, "dw_reader"),
        **{name: json.dumps(connection) for name, connection in api_connections(apis, ports[1]).items()},
        "DW_START_DATE": start_date,
        "DW_AIRFLOW_URL": f"http://127.0.0.1:{ports[0]}",
        "GX_ANALYTICS_ENABLED": "false",
        # Airflow 3.3 warns of both on standard output, in the middle of `airflow ... -o json`.
        "PYTHONWARNINGS": "ignore:Could not import graphviz:UserWarning,ignore:GitWildMatchPattern:DeprecationWarning",
    }


def fixed(paths: Paths, inherited: Mapping[str, str], programs: list[Path]) -> dict[str, str]:
    """What is always this checkout's own, whatever the shell has."""
    return {
        "AIRFLOW_HOME": str(paths.airflow),
        "AIRFLOW_CONFIG": str(paths.airflow / "airflow.cfg"),
        "PYTHONPATH": _in_front([paths.repo, paths.repo / "config"], inherited.get("PYTHONPATH", "")),
        "PATH": _in_front(programs, inherited.get("PATH", "")),
        **{name: _without_proxy(inherited.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
        # Without cached bytecode each of Airflow's processes compiles its thousand modules again: twice the CPU of a start.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _without_proxy(hosts: str) -> str:
    """The hosts that no proxy stands before, loopback among them."""
    ours = ["127.0.0.1", "localhost"]
    return ",".join(ours + [host for host in hosts.split(",") if host and host not in ours])


def _in_front(folders: list[Path], rest: str) -> str:
    ours = [str(folder) for folder in folders]
    return ":".join(ours + [part for part in rest.split(":") if part and part not in ours])


def programs(postgres_bin: Path) -> list[Path]:
    """The folders whose programs a shell should find first."""
    return [Path(sys.prefix) / "bin", postgres_bin]


def shell_file(paths: Paths, values: Mapping[str, str], postgres_bin: Path) -> str:
    """The text of .local/env, for sh, bash and zsh."""
    in_front = {"PYTHONPATH": [paths.repo, paths.repo / "config"], "PATH": programs(postgres_bin)}
    lines = [
        "# Written by `make up`. In any shell:  . .local/env",
        "# It gives psql, airflow and python their settings. A variable you set yourself keeps your value.",
        _FUNCTIONS.strip(),
        f"export AIRFLOW_HOME={shlex.quote(str(paths.airflow))}",
        'export AIRFLOW_CONFIG="$AIRFLOW_HOME/airflow.cfg"',
    ]
    lines += [f"_dw_front {name} {shlex.quote(_in_front(folders, ''))}" for name, folders in in_front.items()]
    lines += [f"_dw_default {name} {shlex.quote(value)}" for name, value in values.items()]
    lines += [f'export {MARK}="$_dw_new"', "unset _dw_new _dw_now", "unset -f _dw_default _dw_front"]
    return "\n".join(lines) + "\n"


_FUNCTIONS = r"""
_dw_new=
_dw_default() {
    eval "_dw_now=\${$1-}"
    case "
${DW_LOCAL_DEFAULTS-}
" in *"
$1=$_dw_now
"*) unset "$1" ;; esac
    if eval "[ -z \"\${$1+set}\" ]"; then
        export "$1=$2"
        _dw_new="$_dw_new
$1=$2"
    fi
}
_dw_front() {
    eval "_dw_now=\${$1-}"
    case "$_dw_now:" in "$2:"*) ;; *) export "$1=$2${_dw_now:+:$_dw_now}" ;; esac
}
"""


def for_processes(environ: Mapping[str, str], ours: Mapping[str, str], always: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a process: the user's, our defaults where the user gave nothing, our fixed values."""
    return {**ours, **given(environ), **always}


def overridden(user: Mapping[str, str]) -> list[str]:
    """Names of the user's settings that take part in this run, for the screen (never their values)."""
    return sorted(name for name in user if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "DW_", "WAREHOUSE_")))


def current() -> dict[str, str]:
    """The environment this process was started with."""
    return dict(os.environ)
