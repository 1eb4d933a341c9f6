"""One running stack for all end-to-end tests."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.e2e.stack import Stack, copy_checkout


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """PostgreSQL, the warehouse and Airflow from a copy of the checkout below a path with a space, on free ports.

    It is stopped at the end. After a failure its folder, with all logs, is kept and named.
    """
    home = Path(tempfile.mkdtemp(prefix="dw e2e "))
    repo = home / "check out"
    repo.mkdir()
    copy_checkout(repo)
    with Sandbox(limits=False) as sandbox:
        stack = Stack(repo, sandbox)
        try:
            started = stack.local("up")
            assert started.returncode == 0, f"{started.stdout}\n{started.stderr}\n(kept: {home})"
            yield stack
        finally:
            stopped = stack.local("down")
    left_over = stack.left_over()
    if request.session.testsfailed:
        print(f"\nThe logs of the stack are kept in {repo / '.local'}")
    else:
        shutil.rmtree(home)
    assert stopped.returncode == 0, stopped.stderr
    assert not left_over


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """The stack; the services are healthy again after the test."""
    yield running
    running.sandbox.faults.clear()
