"""The stack as it stands: what runs, where it listens, what it may use, and what happens to it on up and down."""

import json
import re
import socket
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from airflow_client.client import PoolApi

from tests.compose.conftest import OWN_UID
from tests.compose.stack import SERVICES, ComposeStack
from tests.docker import docker

LAPTOP_BYTES = 4 * 2**30
KILLED = 137
"""The exit code of a container that did not stop in time."""


def service(container: dict[str, Any]) -> str:
    return str(container["Config"]["Labels"]["com.docker.compose.service"])


def states(stack: ComposeStack) -> dict[str, str]:
    """Service -> its health, for the services that run."""
    return {service(found): found["State"]["Health"]["Status"] for found in lasting(stack)}


def lasting(stack: ComposeStack) -> list[dict[str, Any]]:
    """The containers of the services, without those that have a task and end."""
    return [found for found in stack.containers() if service(found) != "airflow-init"]


def test_every_service_is_healthy(stack: ComposeStack) -> None:
    assert states(stack) == dict.fromkeys(SERVICES, "healthy")
    assert stack.container("airflow-init")["State"]["ExitCode"] == 0


def test_all_ports_are_on_loopback(stack: ComposeStack) -> None:
    bindings = [binding for found in lasting(stack) for binding in found["HostConfig"]["PortBindings"].values()]
    published = {address["HostPort"]: address["HostIp"] for [address] in bindings}
    names = ("DW_AIRFLOW_PORT", "DW_ADMINER_PORT", "DW_POSTGRES_PORT", "DW_SANDBOX_PORT")
    assert published == {stack.settings[name]: "127.0.0.1" for name in names}


def test_the_defaults_are_those_of_the_readme(stack: ComposeStack) -> None:
    own = dict.fromkeys(("COMPOSE_FILE", "DW_CONTAINER_PREFIX", *(name for name in stack.settings if "PORT" in name)))
    words = [word for name in own for word in ("-u", name)]
    answer = stack.run(
        "env", *words, "docker", "compose", "--profile", "flower", "--profile", "sandbox", "config", "--format", "json"
    )
    services = json.loads(answer.stdout)["services"]
    assert {name: services[name]["container_name"] for name in ("postgres", "adminer")} == {
        "postgres": "dw-postgres",
        "adminer": "dw-adminer",
    }
    ports = {name: port["published"] for name, found in services.items() for port in found.get("ports", [])}
    assert ports == {
        "airflow-apiserver": "8080",
        "adminer": "8081",
        "postgres": "5432",
        "flower": "5555",
        "sandbox": "8090",
    }


def test_it_fits_a_laptop_restarts_and_rotates_its_logs(stack: ComposeStack) -> None:
    assert all(found["HostConfig"]["Memory"] for found in stack.containers())
    containers = {service(found): found["HostConfig"] for found in lasting(stack)}
    assert sum(host["Memory"] for host in containers.values()) <= LAPTOP_BYTES
    assert {host["RestartPolicy"]["Name"] for host in containers.values()} == {"unless-stopped"}
    assert {host["LogConfig"]["Config"].get("max-size") for host in containers.values()} == {"10m"}


def test_the_project_is_read_only_in_the_containers(stack: ComposeStack) -> None:
    mounts = {mount["Destination"]: mount["RW"] for mount in stack.container("airflow-worker")["Mounts"]}
    assert mounts.pop("/opt/airflow/logs")
    assert set(mounts) == {f"/opt/airflow/{folder}" for folder in ("config", "dags", "include", "plugins", "sql")}
    assert not any(mounts.values())


def test_the_image_alone_holds_the_project(stack: ComposeStack) -> None:
    image = stack.container("airflow-worker")["Config"]["Image"]
    script = """
        for dag in dags/*.py; do python "$dag"; done
        python -c 'import airflow_local_settings, plugins.loads; print(plugins.loads.__file__)'
        ls deploy/init/airflow-init.sh sql/schema/1000_baseline/1*
    """
    told = docker("run", "--rm", "-e", "CONNECTION_CHECK_MAX_COUNT=0", image, "bash", "-ec", script)
    assert told.split()[-3:] == [
        "/opt/airflow/plugins/loads.py",
        "deploy/init/airflow-init.sh",
        "sql/schema/1000_baseline/1_schemas.sql",
    ]


def test_psql_works_as_typed_and_each_database_has_its_owner(stack: ComposeStack) -> None:
    query = "SELECT datname || ' ' || pg_get_userbyid(datdba) FROM pg_database WHERE NOT datistemplate ORDER BY 1"
    answer = stack.inside("postgres", "psql", "-U", "postgres", "-d", "dw", "-At", "-c", query)
    assert answer.splitlines() == ["airflow airflow", "dw dw_owner", "postgres postgres"]


def test_it_runs_as_the_user_of_the_settings(stack: ComposeStack) -> None:
    assert stack.inside("airflow-worker", "id", "-u").strip() == OWN_UID


def test_down_v_has_removed_the_first_stack(stack: ComposeStack) -> None:
    assert stack.sql("SELECT to_regclass('public.first_life')") == [(None,)]


def test_up_again_changes_nothing(stack: ComposeStack) -> None:
    stack.resize_pool("mediawiki", 2)
    before = {service(found): (found["Id"], found["State"]["StartedAt"]) for found in lasting(stack)}
    stack.up()
    assert {service(found): (found["Id"], found["State"]["StartedAt"]) for found in lasting(stack)} == before
    assert pools(stack) == {"open_meteo": 1, "mediawiki": 2}
    stack.resize_pool("mediawiki", 1)


def test_another_setting_leaves_the_databases_alone(stack: ComposeStack) -> None:
    """`up` replaces the containers of the services that are another one now."""

    def services() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(stack.compose("config", "--format", "json"))["services"]
        return found

    before, file = services(), stack.repo / ".env"
    text = file.read_text()
    file.write_text(text + "DW_THIRD_SOURCE_SCHEDULE=@hourly\n")
    try:
        after = services()
    finally:
        file.write_text(text)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if name.startswith("airflow-")}
    assert {after[name]["environment"]["DW_THIRD_SOURCE_SCHEDULE"] for name in changed} == {"@hourly"}


def test_flower_shows_the_worker_to_its_user_only(stack: ComposeStack, browser: requests.Session) -> None:
    stack.compose("--profile", "flower", "up", "-d", "--wait", "--no-deps", "flower")
    address = f"http://127.0.0.1:{stack.settings['DW_FLOWER_PORT']}/workers"
    try:
        assert browser.get(address, timeout=30).status_code == 401
        login = ("airflow", stack.secrets["AIRFLOW__CELERY__FLOWER_BASIC_AUTH"])
        assert "celery@" in browser.get(address, auth=login, timeout=30).text
    finally:
        stack.compose("--profile", "flower", "rm", "--stop", "--force", "flower")


def pools(stack: ComposeStack) -> dict[str, int]:
    found = PoolApi(stack.api).get_pools(limit=100).pools
    return {pool.name: pool.slots for pool in found if pool.name != "default_pool"}


def lost_its_exit(stack: ComposeStack, name: str, since: datetime) -> bool:
    """Whether a service heard the signal to stop, and went on: then Docker kills it when its time is over.

    Airflow 3.3.2's scheduler and DAG processor raise SystemExit wherever the signal meets them. Python drops what is raised in a
    callback of its garbage collector, of which SQLAlchemy has many: of a busy scheduler 1 signal of 103 was lost.
    """
    log = stack.compose("logs", "--no-log-prefix", "--since", since.isoformat(), name)
    said = ("Exiting gracefully upon receiving signal 15", "Exception ignored in", "SystemExit: 0")
    return all(words in log for words in said)


def test_down_and_up_keep_the_data(stack: ComposeStack) -> None:
    run = stack.trigger("weather", "2021-01-01", "2021-01-02", locations=["Boston"])
    run.wait("success")
    since = datetime.now(UTC)
    stack.compose("stop")
    killed = [service(found) for found in lasting(stack) if found["State"]["ExitCode"] == KILLED]
    assert [name for name in killed if not lost_its_exit(stack, name, since)] == []
    stack.compose("down")
    assert stack.containers() == []
    stack.up()
    stack.forget()
    assert run.state() == "success"
    assert stack.sql(HOURS, "2021-01-01", "2021-01-02") == [(24,)]


HOURS = "SELECT count(*) FROM core.weather WHERE observed_at >= %s AND observed_at < %s"


def test_a_command_leaves_the_next_lines_of_a_script_to_it(stack: ComposeStack) -> None:
    answer = stack.run("sh", "-c", r"printf './airflow.sh version\necho next\n' | sh -e")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-2:] == ["3.3.2", "next"]


def test_a_busy_port_is_named(stack: ComposeStack) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = ("docker", "compose", "run", "--rm", "--no-deps", "--service-ports", "airflow-apiserver", "version")
        answer = stack.run(*command, DW_AIRFLOW_PORT=port)
    assert answer.returncode != 0
    assert re.search(rf"127\.0\.0\.1:{port}.*(in use|already allocated)", answer.stderr)


def test_a_checkout_that_its_user_cannot_read_is_told_in_one_line(stack: ComposeStack) -> None:
    file = stack.repo / "dags" / "weather.py"
    file.chmod(0o600)
    try:
        answer = stack.run("docker", "compose", "--progress", "quiet", "run", "--rm", "--no-deps", "airflow-init")
    finally:
        file.chmod(0o644)
    assert answer.returncode != 0
    assert f"user {OWN_UID} cannot read the folder dags: set AIRFLOW_UID" in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr + answer.stdout


def test_an_unknown_source_of_data_is_named(stack: ComposeStack) -> None:
    command = ("docker", "compose", "--progress", "quiet", "run", "--rm", "--no-deps", "airflow-init")
    answer = stack.run(*command, DW_APIS="moon")
    assert answer.returncode != 0
    assert "airflow-init: DW_APIS=moon is not known: use real or sandbox" in answer.stderr + answer.stdout
    assert "Traceback" not in answer.stderr + answer.stdout


@pytest.mark.parametrize("file", ["Dockerfile", "docker-compose.yaml"])
def test_every_image_is_pinned(file: str, stack: ComposeStack) -> None:
    images = re.findall(r"(?m)^(?:FROM|\s+image:) +(\S+)$", (stack.repo / file).read_text())
    assert images
    for image in images:
        assert re.search(r":[\w.-]*\d[\w.-]*\}?$", image), image
