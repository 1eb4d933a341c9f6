"""PostgreSQL is away, or has no connection left: a task says so in words and is tried again, a command says so in a line."""

from collections.abc import Callable

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.__main__ import main
from include.errors import FIRST_LINE
from plugins.warehouse import ServerInTrouble
from tests.warehouse.pipeline import STEPS, DagRun, Pipeline

DAY = {"start_date": "2026-10-05", "end_date": "2026-10-06"}

Database = Callable[[str], str]


@pytest.fixture(params=["away", "no connection"])
def trouble(
    request: pytest.FixtureRequest, pipeline: Pipeline, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[bool], str]:
    """Brings it about, or ends it; returns what is said of it."""

    def away(begins: bool) -> str:
        place = "postgresql://{}@/dw?host=/nonexistent" if begins else None
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", place.format("dw_loader") if place else database("dw_loader"))
        monkeypatch.setenv("WAREHOUSE_URL", place.format("dw_owner") if place else database("dw_owner"))
        return "the warehouse does not answer"

    def no_connection(begins: bool) -> str:
        """The only one is that of the test."""
        monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
        name = pipeline.owner.info.dbname
        pipeline.owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT {1 if begins else -1}")
        return "PostgreSQL has no connection left"

    return away if request.param == "away" else no_connection


def test_g6_every_task_says_so_is_tried_again_and_completes(pipeline: Pipeline, trouble: Callable[[bool], str]) -> None:
    run = DagRun("weather", "in trouble", DAY, pipeline.clock())
    for step in ("plan", *STEPS):

        def execute(step: str = step) -> None:
            if step == "plan":
                pipeline.plan(run)
            else:
                pipeline.execute("weather", step, run.loads[0])

        what = trouble(True)
        with pytest.raises(ServerInTrouble) as raised:
            execute()
        assert not isinstance(raised.value, AirflowFailException)
        assert raised.value.__cause__ is None and raised.value.__suppress_context__
        first, why, advice = str(raised.value).splitlines()
        assert first.endswith(f": {what}") and len(first) <= FIRST_LINE
        assert "failed" in why
        assert "clear this task where no try is left" in advice
        trouble(False)
        execute()
    assert pipeline.rows("SELECT status, rows_published FROM audit.load") == [("published", 48)]


@pytest.mark.parametrize("command", ["migrate", "seed", "gaps", "locks"])
def test_every_command_says_so_in_a_line(
    trouble: Callable[[bool], str], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    what = trouble(True)
    assert main([command]) == 2
    assert capsys.readouterr().err.startswith(f"{command}: {what}, ")
