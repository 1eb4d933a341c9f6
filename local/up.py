"""`make up`, `make down`, `make status`."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import urllib3

from include.sources import SOURCES
from local import airflow, databases, environment, postgres, rest
from local.console import Failure, out, step, wait_until
from local.leftovers import orphans, strays
from local.settings import Paths, Remembered, choose_port, fingerprint, port_from, port_is_free, write_private
from local.supervisor import Program, Supervisor, listens, tail, write

if TYPE_CHECKING:
    from airflow_client.client import ApiClient

DAGS = {*SOURCES, "refresh_marts"}
START_SECONDS = 600
TRIES = 4
# Long-lived processes keep what they have imported: a change of these files restarts them.
CODE = (".py", ".yaml")
LAST = "triggerer"
"""Nothing waits for it, and until they are up the others need every core."""


class PortTaken(Failure):
    """Another program took a port between choosing it and using it."""


@dataclass
class Plan:
    """What this `make up` has to bring about."""

    paths: Paths
    remembered: Remembered
    apis: str
    why: str
    env: dict[str, str]
    user: dict[str, str]
    programs: list[Program]

    @property
    def admin_url(self) -> str:
        return postgres.url(self.paths.short / "postgres")

    @cached_property
    def api(self) -> "ApiClient":
        """Airflow's REST API. ApiException when the server at this address does not take our password."""
        return rest.connect(self.remembered.airflow_address, "admin", self.remembered.admin_password)


def up(paths: Paths) -> Plan:
    """Starts what does not run, restarts what changed, returns when all is ready. Failure says what is not."""
    try:
        return bring_up(paths)
    except PortTaken as taken:
        out.print(f"[yellow]{taken}[/]")
        return bring_up(paths)


def bring_up(paths: Paths) -> Plan:
    """One attempt of `up`. PortTaken when the next one will choose another port."""
    paths.create()
    supervisor = Supervisor(paths)
    # First: what a killed supervisord has left still has its ports.
    supervisor.clear_away()
    plan = make_plan(paths, supervisor)
    tell_settings(plan)
    write(plan.programs, paths)
    supervisor.launch()
    if outdated := supervisor.outdated():
        with step(f"Stopping what changed: {', '.join(sorted(outdated))}"):
            supervisor.apply()
    # What takes more than a second to import is imported while PostgreSQL starts, which needs one core.
    Thread(target=import_module, args=("airflow_client.client",), daemon=True).start()
    migration = None if paths.postgres.exists() else databases.Migration(plan.env, paths)
    with step("PostgreSQL"):
        postgres.initialise(paths.postgres)
        supervisor.apply()
        supervisor.start(["postgres"])
        wait_until(lambda: postgres.accepts(plan.admin_url), 60, lambda: _not_ready(paths, "postgres"))
    databases.set_up(plan.admin_url, plan.env, plan.user, paths, migration)
    start_airflow(plan, supervisor)
    wait_for_airflow(plan, supervisor)
    wait_for_dags(plan)
    return plan


def make_plan(paths: Paths, supervisor: Supervisor) -> Plan:
    """Decides on APIs, ports and environments, and writes .local/env and airflow.cfg."""
    inherited = environment.current()
    user = environment.given(inherited)
    apis, why = environment.choose_apis(user)
    remembered = Remembered.load(paths)
    choose_ports(remembered, user, supervisor.pids())
    remembered.save(paths)
    ports = (remembered.airflow_port, remembered.sandbox_port)
    ours = environment.defaults(paths.short / "postgres", apis, remembered.start_date, ports)
    always = environment.fixed(paths, user, environment.programs(postgres.bin_dir()))
    if "AIRFLOW__API__PORT" in user:
        always["AIRFLOW__API__PORT"] = str(remembered.airflow_port)
    env = environment.for_processes(inherited, ours, always)
    write_private(paths.env_file, environment.shell_file(paths, ours, postgres.bin_dir()))
    configuration = airflow.write_configuration(paths, remembered, remembered.airflow_port)
    programs = [server_program(paths), *airflow_programs(paths, env, configuration)]
    if apis == "sandbox":
        programs.append(sandbox_program(paths, env, remembered.sandbox_port))
    return Plan(paths, remembered, apis, why, env, user, programs)


def choose_ports(remembered: Remembered, user: Mapping[str, str], pids: Mapping[str, int]) -> None:
    """Settles both ports; one that our own running process holds is free for it. Says when it takes another."""
    wanted = port_from(user, ("AIRFLOW__API__PORT", "DW_AIRFLOW_PORT"), remembered.airflow_port)
    held = _held(remembered.airflow_port, pids.get("api-server"))
    remembered.airflow_port = _choose("Airflow", wanted, held, frozenset())
    wanted = port_from(user, ("DW_SANDBOX_PORT",), remembered.sandbox_port)
    held = _held(remembered.sandbox_port, pids.get("sandbox"))
    remembered.sandbox_port = _choose("the sandbox", wanted, held, frozenset({remembered.airflow_port}))


def _held(port: int, pid: int | None) -> int | None:
    return port if pid and listens(pid, port) else None


def _choose(what: str, wanted: int, held: int | None, avoid: frozenset[int]) -> int:
    port = choose_port(wanted, held, avoid)
    if port != wanted:
        out.print(f"[yellow]Port {wanted} is taken by another program: {what} uses {port}.[/]")
    return port


def server_program(paths: Paths) -> Program:
    options = {"stopsignal": "INT", "stopasgroup": "false", "stopwaitsecs": "60", "startsecs": "1"}
    return Program("postgres", postgres.argv(paths.postgres), user=postgres.system_user(), options=options)


def airflow_programs(paths: Paths, env: dict[str, str], configuration: str) -> list[Program]:
    code = fingerprint([paths.repo / name for name in ("config", "plugins", "include")], CODE)
    version = configuration + code + _installed(paths)
    return [
        Program(name, airflow.command(name), env, version, options=airflow.OPTIONS.get(name, {}))
        for name in airflow.PROCESSES
    ]


def sandbox_program(paths: Paths, env: dict[str, str], port: int) -> Program:
    argv = [sys.executable, "-m", "sandbox", "--host", "127.0.0.1", "--port", str(port)]
    return Program("sandbox", argv, env, fingerprint([paths.repo / "sandbox"], CODE) + _installed(paths))


def _last_edit(folders: list[Path]) -> float:
    return max((file.stat().st_mtime for folder in folders for file in folder.rglob("*.py")), default=0.0)


def _installed(paths: Paths) -> str:
    stamp = paths.repo / ".venv" / ".installed"
    return stamp.read_text() if stamp.exists() else ""


def tell_settings(plan: Plan) -> None:
    out.print(f"Data comes from {plan.why}.")
    names = environment.overridden(plan.user)
    if names:
        out.print(f"From your environment: {', '.join(names)}")


def start_airflow(plan: Plan, supervisor: Supervisor) -> None:
    """Starts the sandbox and Airflow's processes, those that do not run; LAST once the web server answers."""
    supervisor.start([p.name for p in plan.programs if p.name not in ("postgres", LAST)])
    if plan.apis == "sandbox":
        port = plan.remembered.sandbox_port
        with step(f"Sandbox on port {port}"):
            wait_for_sandbox(plan.paths, supervisor, port)


def wait_for_sandbox(paths: Paths, supervisor: Supervisor, port: int) -> None:
    """Until our own sandbox listens. PortTaken when it dies because another program does."""
    seen: dict[str, set[int]] = {}

    def ready() -> bool:
        pid = supervisor.pids().get("sandbox")
        if pid and listens(pid, port):
            return True
        if len(seen.get("sandbox", ())) > 1 and not port_is_free(port):
            raise PortTaken(f"Another program has taken port {port} just now.")
        _fail_when_dead(paths, supervisor, seen)
        return False

    wait_until(ready, 60, lambda: _not_ready(paths, "sandbox"))


def wait_for_airflow(plan: Plan, supervisor: Supervisor) -> None:
    """Until web server, scheduler and DAG processor are healthy. Failure names the one that is not."""
    wanted = ("metadatabase", "scheduler", "dag_processor")
    seen: dict[str, set[int]] = {}
    with step("Airflow") as tell:

        def ready() -> bool:
            _fail_when_dead(plan.paths, supervisor, seen)
            health = rest.health(plan.remembered.airflow_address)
            if health and not _is_ours(plan):
                raise PortTaken(f"Another Airflow has taken port {plan.remembered.airflow_port} just now.")
            if health:
                supervisor.start([LAST])
            missing = [name for name in wanted if health.get(name) != "healthy"] if health else ["web server"]
            tell("" if not missing else f"waiting for {', '.join(missing).replace('_', ' ')}")
            return bool(health) and rest.is_warm(plan.remembered.airflow_address) and not missing

        wait_until(in_time(ready), START_SECONDS, lambda: _not_ready(plan.paths, _unhealthy(plan)))


def in_time(ready: Callable[[], bool], *busy: type[Exception]) -> Callable[[], bool]:
    """`ready`, where a response of Airflow that does not come in time is one to wait for: a busy machine takes its time.

    So is what raises one of `busy`.
    """

    waited_for: tuple[type[Exception], ...] = (OSError, urllib3.exceptions.HTTPError, *busy)

    def asked() -> bool:
        try:
            return ready()
        except waited_for:
            return False

    return asked


def _is_ours(plan: Plan) -> bool:
    """Whether the server takes this checkout's password: another one may have the port."""
    from airflow_client.client.exceptions import ApiException

    try:
        return bool(plan.api)
    except ApiException as refusal:
        return refusal.status not in (401, 403, 404, 422)


def _unhealthy(plan: Plan) -> str:
    """The program that keeps `up` waiting."""
    health = rest.health(plan.remembered.airflow_address)
    if health and health.get("scheduler") != "healthy":
        return "scheduler"
    return "dag-processor" if health and health.get("dag_processor") != "healthy" else "api-server"


def _fail_when_dead(paths: Paths, supervisor: Supervisor, seen: dict[str, set[int]]) -> None:
    """Failure when a program was given up by supervisord, or died again and again; `seen` collects the pids."""
    for name, state in supervisor.states().items():
        if state == "FATAL":
            raise Failure(_not_ready(paths, name))
    for name, pid in supervisor.pids().items():
        seen.setdefault(name, set()).add(pid)
        if len(seen[name]) >= TRIES:
            raise Failure(_not_ready(paths, name))


def wait_for_dags(plan: Plan) -> None:
    """Until DAGs and pools are there. An import error of the code as it is now ends the wait: it will not go away."""
    from airflow_client.client.exceptions import ServiceException

    from local import metadata

    missing = DAGS
    edited = _last_edit([plan.paths.repo / name for name in ("dags", "plugins", "include")])
    with step("DAGs"):

        def ready() -> bool:
            nonlocal missing
            missing = DAGS - metadata.dags(plan.api)
            errors = metadata.import_errors(plan.api, edited)
            if missing and errors:
                lines = "\n".join(f"  {file}: {reason}" for file, reason in errors.items())
                raise Failure(f"Airflow cannot read every DAG file:\n{lines}\nCorrect it and run the command again.")
            return not missing

        logs = plan.paths.logs / "dag-processor.log"
        asked = in_time(ready, ServiceException)
        wait_until(asked, 120, lambda: f"DAGs missing: {', '.join(sorted(missing))}. See {logs}")
        metadata.ensure_pools(plan.api)


def _not_ready(paths: Paths, name: str) -> str:
    log = paths.logs / f"{name}.log"
    return f"{name} did not become ready; {log} ends with:\n{tail(log)}"


def tell_address(paths: Paths) -> None:
    remembered = Remembered.load(paths)
    out.print(
        f"\nAirflow: [bold]{remembered.airflow_address}[/]  user admin, password "
        f"{remembered.admin_password}\nWhat the warehouse holds: [bold]{remembered.airflow_address}/plugin/warehouse[/]"
        f'\nIn a shell: [bold]. .local/env[/] (then psql "$WAREHOUSE_URL", airflow ...). '
        "[bold]make down[/] stops it.",
    )


def down(paths: Paths) -> int:
    """Stops everything this checkout started, and nothing else; the data stays."""
    if not paths.state.exists() or not (Supervisor(paths).is_up() or strays(paths)):
        out.print("Nothing of this checkout is running.")
        return 0
    with step("Stopping"):
        Supervisor(paths).down()
    if paths.short.is_symlink():
        paths.short.unlink()
    return 0


def status(paths: Paths) -> int:
    """Prints each process and its state; exit code 0 when all run and Airflow is healthy, else 1."""
    from rich.table import Table

    supervisor = Supervisor(paths)
    states, pids = supervisor.states(), supervisor.pids()
    if not states:
        left = f" {len(strays(paths))} processes are left over: `make down` ends them." if strays(paths) else ""
        out.print(f"Not running.{left}")
        return 1
    remembered = Remembered.load(paths)
    health = rest.health(remembered.airflow_address)
    table = Table("process", "state", "pid", "health")
    for name, state in states.items():
        known = health.get(name.replace("-", "_"), "healthy" if name == "api-server" and health else "")
        table.add_row(name, state.lower(), str(pids.get(name, "")), known)
    out.print(table)
    tell_address(paths)
    if leftovers := orphans(paths):
        out.print(f"[yellow]{len(leftovers)} processes of killed programs are left over: `make up` ends them.[/]")
    well = not leftovers and all(
        health.get(name) == "healthy" for name in ("metadatabase", "scheduler", "dag_processor")
    )
    return 0 if well and set(states.values()) == {"RUNNING"} else 1
