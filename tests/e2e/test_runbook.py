"""docs/runbook.md is true: its commands, from top to bottom in one user's shell, end and print as it says."""

from collections.abc import Iterator

import pytest

from sandbox import Fault
from tests.conftest import REPO
from tests.e2e.conftest import started
from tests.e2e.expected import days_ago
from tests.e2e.stack import Stack, copy_checkout, fresh_terminal, wait_for
from tests.executable import RUN, blocks_of, terminal, untrue

PAGE = REPO / "docs" / "runbook.md"
# The virtual environment is that of the tests: `make up` finds nothing to install.
NOTHING_TO_INSTALL = {"PYTHON": "true"}


@pytest.fixture
def stack_of_its_own(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack with daily windows for the page alone, which loses rows of it, follows other places, stops it and moves it."""
    daily = {"DW_WEATHER_SCHEDULE": "@daily", "DW_WIKIPEDIA_SCHEDULE": "@daily", "DW_WEATHER_PLACES_PER_BATCH": "100"}
    with started(request.session, DW_START_DATE=days_ago(2), **daily) as stack:
        yield stack


def test_its_commands_do_what_it_says(stack_of_its_own: Stack) -> None:
    blocks = [block for block in blocks_of(PAGE.read_text(encoding="utf-8")) if block.mark == RUN]
    given = {
        "catchup is over": lambda: catchup_is_over(stack_of_its_own),
        "a run of weather has failed": lambda: a_run_fails(stack_of_its_own),
        "a day of Boston is beyond a limit": lambda: a_day_is_withheld(stack_of_its_own),
        "a wrong transform has loaded a day of Boston": lambda: spoil_a_day(stack_of_its_own),
    }
    assert blocks and {words for block in blocks for words in block.given} == set(given)
    env = fresh_terminal() | stack_of_its_own.settings | NOTHING_TO_INSTALL
    elsewhere = Stack(stack_of_its_own.repo.parent / "elsewhere", stack_of_its_own.sandbox)
    elsewhere.repo.mkdir()
    copy_checkout(elsewhere.repo)
    with elsewhere.downed_at_the_end(), terminal(stack_of_its_own.repo, env, ". .local/env") as shell:
        found = untrue(blocks, shell, given)
    assert not found, "\n".join(found)


def catchup_is_over(stack: Stack) -> None:
    wait_for("the end of catchup", lambda: stack.shell("python -m include gaps").returncode == 0)
    due = "SELECT 1 FROM audit.load WHERE marts_due_since IS NOT NULL"
    wait_for("the marts", lambda: stack.sql(due) == [])


def a_run_fails(stack: Stack) -> None:
    stack.sandbox.faults.append(Fault.bad_request("No such hours", times=None))
    stack.trigger("weather", "2026-10-01", "2026-10-02", locations=["Boston"]).wait("failed")
    stack.sandbox.faults.clear()


def a_day_is_withheld(stack: Stack) -> None:
    stack.sandbox.faults.append(Fault.absurd("temperature_2m", 70))
    stack.trigger("weather", "2026-10-05", "2026-10-06", locations=["Boston"]).wait("failed")
    stack.sandbox.faults.clear()


def spoil_a_day(stack: Stack) -> None:
    boston = "location_id = (SELECT location_id FROM core.location WHERE location_name = 'Boston')"
    day = "observed_at >= '2026-10-01T00:00Z' AND observed_at < '2026-10-02T00:00Z'"
    assert len(stack.sql(f"UPDATE core.weather SET wind_speed_mps = -1 WHERE {boston} AND {day} RETURNING 1")) == 24
