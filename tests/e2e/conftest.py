"""One running stack for all end-to-end tests, and further ones for those that need other settings."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from tests.e2e.expected import days_ago
from tests.e2e.stack import Stack, copy_checkout

DAYS = 9
"""That are due when the daily stack starts."""


@contextmanager
def started(session: pytest.Session, **settings: str) -> Iterator[Stack]:
    """PostgreSQL, the warehouse and Airflow from a copy of the checkout below a path with a space, on free ports.

    It is stopped at the end. After a failure its folder, with all logs, is kept and named.
    """
    home = Path(tempfile.mkdtemp(prefix="dw e2e "))
    repo = home / "check out"
    repo.mkdir()
    copy_checkout(repo)
    with Sandbox(limits=False) as sandbox:
        stack = Stack(repo, sandbox)
        stack.settings |= settings
        with stack.downed_at_the_end() as stopped:
            up = stack.local("up")
            assert up.returncode == 0, f"{up.stdout}\n{up.stderr}\n(kept: {home})"
            yield stack
    left_over = stack.left_over()
    if session.testsfailed:
        print(f"\nThe logs of the stack are kept in {repo / '.local'}")
    else:
        shutil.rmtree(home)
    assert stopped.returncode == 0, stopped.told
    assert not left_over


@pytest.fixture(scope="package")
def running(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The stack of most tests."""
    with started(request.session) as stack:
        yield stack


@pytest.fixture(scope="package")
def daily_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack with daily windows, of which nine are due when it starts."""
    # All places are one load, as by default: the runs are many, and what a run of several loads does is tested elsewhere.
    daily = {"DW_WEATHER_SCHEDULE": "@daily", "DW_WIKIPEDIA_SCHEDULE": "@daily", "DW_WEATHER_PLACES_PER_BATCH": "100"}
    with started(request.session, DW_START_DATE=days_ago(DAYS), **daily) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """The stack; the services are healthy again after the test."""
    yield running
    running.sandbox.faults.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Iterator[None]:
    """A test that fails in the browser shows what was on the screen."""
    ui: Any = item.funcargs.get("ui")
    if ui and call.excinfo and call.when == "call":
        call.excinfo.value.add_note(f"The screen: {ui.picture(item.name)}")
    return (yield)
