"""The commands of README.md, typed on machines that have only what it asks for."""

import re

import pytest

from tests.bare.machine import Answer, Machine

MARTS = ("mart.daily_weather_aggregates", "mart.daily_wikipedia_page_stats")
PID_OF_A_PROGRAM = re.compile(r"│ (\S+) +│ running +│ (\d+)")


@pytest.fixture(scope="module")
def before(machine: Machine) -> str:
    """What ran on the machine before anything was typed."""
    return machine.processes()


@pytest.fixture(scope="module")
def demo(machine: Machine, before: str) -> Answer:
    """The first `make demo`."""
    return machine.run("make demo")


def test_demo_fills_both_marts(machine: Machine, demo: Answer) -> None:
    assert demo.returncode == 0, demo.stdout
    for mart in MARTS:
        count = machine.done(f'. .local/env && psql "$WAREHOUSE_URL" -Atc "SELECT count(*) FROM {mart}"')
        assert int(count) > 0, mart


def test_a_second_demo_loads_and_starts_nothing(machine: Machine, demo: Answer) -> None:
    running = pids(machine)
    assert "nothing to load" in machine.done("make demo")
    assert pids(machine) == running


def test_down_leaves_no_process(machine: Machine, before: str, demo: Answer) -> None:
    machine.done("make down")
    assert machine.processes() == before


def pids(machine: Machine) -> dict[str, str]:
    """Program -> pid, as `make status` shows them."""
    found = dict(PID_OF_A_PROGRAM.findall(machine.done("make status")))
    assert "scheduler" in found
    return found
