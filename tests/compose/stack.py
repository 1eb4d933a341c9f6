"""The compose stack of a copy of the checkout, used as its users do: docker compose, ./airflow.sh, REST, SQL and HTTP."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow_client.client import ApiClient, PoolApi, PoolPatchBody

from local import rest
from tests.docker import docker
from tests.e2e.stack import Deployment, free_port, fresh_terminal

PROJECT = "dw-compose-tests"
SETTINGS = {
    "COMPOSE_PROJECT_NAME": PROJECT,
    "COMPOSE_FILE": "docker-compose.yaml:tests/compose/overlay.yaml",
    "DW_CONTAINER_PREFIX": PROJECT,
    "AIRFLOW_IMAGE_NAME": f"{PROJECT}:latest",
    "DW_APIS": "sandbox",
    # Three days of catchup. Five loads a run and two tasks a worker: the loads of one run need three workers at once.
    "DW_START_DATE": (datetime.now(UTC).date() - timedelta(days=3)).isoformat(),
    "DW_WEATHER_PLACES_PER_BATCH": "2",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
}
PORTS = ("DW_AIRFLOW_PORT", "DW_ADMINER_PORT", "DW_POSTGRES_PORT", "DW_SANDBOX_PORT", "DW_FLOWER_PORT")
COMMAND_SECONDS = 600
SERVICES = {
    "adminer",
    "airflow-apiserver",
    "airflow-dag-processor",
    "airflow-scheduler",
    "airflow-triggerer",
    "airflow-worker",
    "postgres",
    "redis",
    "sandbox",
}
"""Those that go on running."""

Answer = subprocess.CompletedProcess[str]


class ComposeStack(Deployment):
    """A copy of the checkout in the folder `repo`, and the settings its user has exported."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.settings = SETTINGS | {name: str(free_port()) for name in PORTS}

    def run(self, *command: str, **settings: str) -> Answer:
        """A command in the checkout; `settings` are exported for this one only."""
        return subprocess.run(command, **self.arguments(**settings), timeout=COMMAND_SECONDS)

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """A command in the checkout that goes on meanwhile."""
        return subprocess.Popen(
            command, **(self.arguments() | {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT})
        )

    def environ(self) -> dict[str, str]:
        """Of a terminal in which the settings were exported."""
        return fresh_terminal() | self.settings

    def arguments(self, **settings: str) -> dict[str, Any]:
        env = self.environ() | settings
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return {"cwd": self.repo, "env": env, "text": True, **pipes}

    def compose(self, *words: str) -> str:
        """What `docker compose WORDS` prints; AssertionError with its errors when it fails."""
        answer = self.run("docker", "compose", "--progress", "quiet", *words)
        assert answer.returncode == 0, f"docker compose {' '.join(words)}: {answer.stdout}\n{answer.stderr}"
        return answer.stdout

    def up(self, *words: str) -> None:
        """Until every service is healthy."""
        compose = ("docker", "compose", "--progress", "quiet", "--profile", "sandbox")
        answer = self.run(*compose, "up", "-d", "--wait", *words)
        assert answer.returncode == 0, (
            f"{answer.stderr}\n{self.compose('ps', '-a')}\n{self.compose('logs', '--tail', '20')}"
        )

    def remove_image(self) -> None:
        """The next `up` builds it."""
        subprocess.run(["docker", "rmi", self.settings["AIRFLOW_IMAGE_NAME"]], capture_output=True)

    def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """The containers of the stack (or of one service), stopped ones too, as `docker inspect` describes them."""
        ids = self.compose("ps", "-a", "-q", *([service] if service else [])).split()
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids)) if ids else []
        return found

    def container(self, service: str) -> dict[str, Any]:
        """The only container of a service."""
        [found] = self.containers(service)
        return found

    def inside(self, service: str, *command: str) -> str:
        """What a command prints in the container of a service."""
        return self.compose("exec", "-T", service, *command)

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """The service hangs meanwhile: its clients wait."""
        self.compose("pause", service)
        try:
            yield
        finally:
            self.compose("unpause", service)

    @cached_property
    def environment(self) -> dict[str, str]:
        """What airflow-init is given: all settings and secrets."""
        variables = self.container("airflow-init")["Config"]["Env"]
        return dict(variable.split("=", 1) for variable in variables)

    @property
    def secrets(self) -> dict[str, str]:
        """The random values in .env.secrets, addresses that contain one left out."""
        lines = (self.repo / ".env.secrets").read_text().splitlines()
        pairs = [line.split("=", 1) for line in lines if not line.startswith("#") and "://" not in line]
        return {name: value.rpartition(":")[2] for name, value in pairs}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings['DW_AIRFLOW_PORT']}"

    @cached_property
    def api(self) -> ApiClient:
        return rest.connect(self.address, "airflow", self.environment["_AIRFLOW_WWW_USER_PASSWORD"])

    @property
    def warehouse_url(self) -> str:
        port = self.settings["DW_POSTGRES_PORT"]
        return self.environment["WAREHOUSE_URL"].replace("@postgres/", f"@127.0.0.1:{port}/")

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.settings['DW_SANDBOX_PORT']}"

    def resize_pool(self, name: str, slots: int) -> None:
        """A pool lets so many tasks run at the same time."""
        # Airflow 3.3.2 wants the whole of a pool, whatever the mask leaves of it.
        body = PoolPatchBody(pool=name, slots=slots, include_deferred=False)
        PoolApi(self.api).patch_pool(name, body, update_mask=["slots"])

    def forget(self) -> None:
        """What was read from containers that are gone."""
        self.__dict__.pop("environment", None)
        self.__dict__.pop("api", None)
