"""The secrets of .env.secrets win over those of .env, and are found nowhere else."""

import re

from local import rest
from tests.compose.stack import SERVICES, ComposeStack
from tests.docker import docker

ADMINISTRATION = re.compile(
    r"^(?:(?:POSTGRES|AIRFLOW_DB|DW_\w+|_AIRFLOW_WWW_USER)_PASSWORD|WAREHOUSE_\w*URL)=.", re.MULTILINE
)


def test_the_stack_uses_them(stack: ComposeStack) -> None:
    secrets = stack.secrets
    assert len(secrets) == 10
    assert {name: stack.environment[name].rpartition(":")[2] for name in secrets} == secrets
    assert rest.connect(stack.address, "airflow", secrets["_AIRFLOW_WWW_USER_PASSWORD"])


def test_the_superuser_has_its_password_and_not_the_default(stack: ComposeStack) -> None:
    assert login(stack, stack.secrets["POSTGRES_PASSWORD"]) == "1"
    assert "password authentication failed" in login(stack, "postgres")


def login(stack: ComposeStack, password: str) -> str:
    """1, or the reason why the superuser cannot log in over the network."""
    command = f"PGPASSWORD={password} psql -h postgres -U postgres -Atc 'SELECT 1' 2>&1 || true"
    return stack.inside("postgres", "bash", "-c", command).strip()


def test_what_runs_all_day_cannot_administer_the_databases(stack: ComposeStack) -> None:
    for service in SERVICES:
        assert ADMINISTRATION.findall(stack.inside(service, "env")) == [], service


def test_no_log_shows_them(stack: ComposeStack) -> None:
    logs = stack.compose("logs") + stack.inside(
        "airflow-worker", "bash", "-c", "find logs -name '*.log' -exec cat {} +"
    )
    assert len(logs) > 10_000
    assert [name for name, value in stack.secrets.items() if value in logs] == []


def test_the_image_holds_no_setting(stack: ComposeStack) -> None:
    image = stack.container("airflow-worker")["Config"]["Image"]
    search = "find / -xdev -name '.env*' -not -path '/proc/*' 2>/dev/null; true"
    assert docker("run", "--rm", "--user", "root", "--entrypoint", "bash", image, "-c", search) == ""
    history = docker("history", "--no-trunc", image) + docker("inspect", image)
    assert [name for name, value in stack.secrets.items() if value in history] == []
