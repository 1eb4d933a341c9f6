"""`make citus`: what it is told, and its statements. tests/warehouse/test_distributable.py has a server without Citus."""

import re

import pytest
import sqlparse
import yaml

from deploy.citus.distribute import FOLDER, main, nodes
from include.errors import WarehouseError
from tests.unit.support import REPO

WORKERS = "postgresql://postgres:secret@one/postgres postgresql://postgres:secret@two:5433/postgres"
SOCKET = "postgresql://postgres@/postgres?host=/var/run/postgresql"
STATEMENTS = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}


def test_the_nodes_have_the_addresses_that_others_reach_them_by() -> None:
    named = {"WAREHOUSE_ADMIN_URL": SOCKET, "DW_CITUS_COORDINATOR": "postgres", "DW_CITUS_WORKERS": WORKERS}
    coordinator, workers = nodes(named)
    assert [str(node) for node in (coordinator, *workers)] == ["postgres:5432", "one:5432", "two:5433"]
    coordinator, _ = nodes({"WAREHOUSE_ADMIN_URL": "postgresql://postgres@three:1/x", "DW_CITUS_WORKERS": WORKERS})
    assert str(coordinator) == "three:1"


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({}, "WAREHOUSE_ADMIN_URL is not set"),
        ({"WAREHOUSE_ADMIN_URL": SOCKET}, "DW_CITUS_WORKERS is not set"),
        ({"WAREHOUSE_ADMIN_URL": SOCKET, "DW_CITUS_WORKERS": WORKERS}, "no other node reaches /var/run/postgresql"),
        ({"WAREHOUSE_ADMIN_URL": "nothing", "DW_CITUS_WORKERS": WORKERS}, "is no PostgreSQL URL"),
        (
            {"WAREHOUSE_ADMIN_URL": SOCKET, "DW_CITUS_WORKERS": WORKERS, "DW_CITUS_COORDINATOR": "here:there"},
            "there is no port",
        ),
    ],
)
def test_what_is_missing_is_named_and_no_password(environment: dict[str, str], error: str) -> None:
    with pytest.raises(WarehouseError, match=re.escape(error)) as raised:
        nodes(environment)
    assert "secret" not in str(raised.value)


def test_it_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("WAREHOUSE_ADMIN_URL", raising=False)
    assert main() == 2
    assert (
        capsys.readouterr().err
        == "citus: WAREHOUSE_ADMIN_URL is not set: give the URL of the coordinator's superuser\n"
    )


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_is_one_and_says_what_it_promises_and_is_used(name: str) -> None:
    text = STATEMENTS[name]
    assert re.match(r"-- [A-Z].{15,}", text)
    assert len(sqlparse.split(sqlparse.format(text, strip_comments=True))) == 1
    assert f'"{name}"' in (FOLDER / "distribute.py").read_text(encoding="utf-8")


def test_the_workers_of_the_compose_stack_are_reached_from_within_only() -> None:
    overlay = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text(encoding="utf-8"))
    services = overlay["services"]
    workers = [name for name in services if name.startswith("citus-worker-")]
    assert re.findall(r"@([\w-]+)/postgres", services["citus"]["environment"]["DW_CITUS_WORKERS"]) == workers
    assert not [name for name in services if "ports" in services[name]]
    assert {services[name]["image"] for name in ("postgres", *workers)} == {overlay["x-citus"]["image"]}
    extended = services["citus"]["extends"]
    assert extended["service"] in yaml.safe_load((REPO / extended["file"]).read_text(encoding="utf-8"))["services"]
