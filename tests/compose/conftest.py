"""One compose stack for all tests here, on a real Docker engine."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.compose.stack import ComposeStack
from tests.e2e.stack import copy_checkout

OWN_UID = "12345"
DOWN = ("down", "-v", "--remove-orphans")


def why_not() -> str:
    """Why no stack can run here; empty when one can."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    if subprocess.run(["docker", "version"], capture_output=True).returncode:
        return "no Docker engine answers (docker version)"
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        return "Docker Compose v2 is not installed (docker compose version)"
    return ""


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[ComposeStack]:
    """The stack from a checkout below a path with a space, with fresh secrets and a user of its own, on free ports.

    Databases with the defaults of .env were there before it, and went with `down -v`; `up` has built its image.
    """
    if reason := why_not():
        # .ci/run asks for it: what CI can install must not be skipped there.
        refuse = pytest.fail if os.environ.get("DW_TEST_DOCKER") == "required" else pytest.skip
        refuse(f"the compose stack does not run here: {reason}")
    home = Path(tempfile.mkdtemp(prefix="dw compose "))
    home.chmod(0o755)  # containers read it as another user
    repo = home / "check out"
    repo.mkdir()
    copy_checkout(repo)
    stack = ComposeStack(repo)
    stack.compose(*DOWN)
    stack.remove_image()
    failed = True
    try:
        live_once(stack)
        secrets = stack.run("make", "secrets")
        assert secrets.returncode == 0, secrets.stderr
        stack.settings["AIRFLOW_UID"] = OWN_UID
        stack.remove_image()
        stack.up()
        yield stack
        failed = bool(request.session.testsfailed)
    finally:
        if failed:
            (home / "logs").write_text(stack.compose("logs"))
            print(f"\nThe logs of the stack are kept in {home / 'logs'}")
        stack.compose(*DOWN)
        stack.remove_image()
    if not failed:
        shutil.rmtree(home)


def live_once(stack: ComposeStack) -> None:
    """Both databases from nothing with the defaults, a table that tells of it, and down with all data."""
    stack.compose("run", "--rm", "airflow-init")
    stack.inside("postgres", "psql", "-U", "postgres", "-d", "dw", "-c", "CREATE TABLE public.first_life ()")
    stack.compose("down", "-v")


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    """Cookies are kept for one test; no proxy between."""
    with requests.Session() as session:
        session.trust_env = False
        yield session
