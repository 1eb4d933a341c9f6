"""What all commands that people type have in common."""

import psycopg
import pytest
import yaml

from include.command import PREFIX, carry_out, typed
from include.errors import Refused
from tests.unit.support import REPO


def raising(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (Refused("-s is not\na date"), 2, "seed: -s is not a date"),
        (psycopg.OperationalError("refused"), 2, "seed: the warehouse does not answer, `make up` starts it: refused"),
        (psycopg.OperationalError("x: FATAL:  wrong password"), 2, "seed: x: FATAL: wrong password"),
        (psycopg.errors.DiskFull("no space left"), 2, "seed: PostgreSQL's disk is full, make room for it: no space left"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), 2,
         "seed: PostgreSQL has no connection left, end sessions that nobody needs: FATAL: sorry, too many clients already"),
        (psycopg.OperationalError("FATAL:  remaining connection slots are reserved"), 2,
         "seed: PostgreSQL has no connection left, end sessions that nobody needs: FATAL: remaining connection slots are reserved"),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), 2,
         "seed: PostgreSQL is starting or stopping, wait a moment: FATAL: the database system is starting up"),
        (psycopg.errors.DeadlockDetected("deadlock detected"), 2,
         "seed: a deadlock with another session, run it again: deadlock detected"),
        (psycopg.errors.AdminShutdown("terminated"), 2,
         "seed: PostgreSQL ended the session, it stops, or somebody ended it: run it again: terminated"),
        (psycopg.errors.UndefinedTable("no"), 2, "seed: the warehouse has not been migrated: `python -m include migrate` (no)"),
        (psycopg.errors.InsufficientPrivilege("permission denied"), 2, "seed: permission denied"),
        (KeyboardInterrupt(), 130, "seed: stopped"),
    ],
)  # fmt: skip
def test_what_a_user_can_cause_ends_in_one_line(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PREFIX, raising=False)
    assert carry_out("seed", lambda: raising(error)) == code
    assert capsys.readouterr().err.strip() == told


def test_a_mistake_in_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        carry_out("seed", lambda: raising(ZeroDivisionError()))


@pytest.mark.parametrize("code", [0, 1])
def test_its_own_exit_code_is_handed_on(code: int) -> None:
    assert carry_out("gaps", lambda: code) == code


def test_a_command_is_told_as_it_is_typed_in_the_local_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PREFIX, raising=False)
    assert typed("airflow dags list") == "airflow dags list"
    assert typed("python -m include gaps") == "python -m include gaps"


def test_a_command_is_told_as_it_is_typed_in_the_compose_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    services = yaml.safe_load((REPO / "docker-compose.yaml").read_text())["services"]
    ours = {name: service for name, service in services.items() if name.startswith("airflow-")}
    prefixes = {name: service.get("environment", {}).get(PREFIX) for name, service in ours.items()}
    assert prefixes == dict.fromkeys(ours, "./airflow.sh")
    assert (REPO / "airflow.sh").exists()

    monkeypatch.setenv(PREFIX, "./airflow.sh")
    assert typed("airflow dags list") == "./airflow.sh dags list"
    assert typed("python -m include gaps") == "./airflow.sh python -m include gaps"
    carry_out("gaps", lambda: raising(psycopg.OperationalError("refused")))
    assert "`docker compose up -d` starts it" in capsys.readouterr().err
