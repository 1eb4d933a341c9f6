"""One compose stack for all tests here, on a real Docker engine."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.compose.stack import ComposeStack
from tests.docker import do_without, why_no_compose, why_no_engine
from tests.e2e.stack import copy_checkout
from tests.ending import ended_by

OWN_UID = "12345"
DOWN = ("down", "-v", "--remove-orphans")


@pytest.fixture(scope="package")
def stack(request: pytest.FixtureRequest) -> Iterator[ComposeStack]:
    """The stack from a checkout below a path with a space, with fresh secrets and a user of its own, on free ports.

    Databases with the defaults of .env were there before it, and went with `down -v`. Compose has built its image, once.
    """
    if reason := why_no_engine() or why_no_compose():
        do_without(f"the compose stack does not run here: {reason}")
    home = Path(tempfile.mkdtemp(prefix="dw compose "))
    home.chmod(0o755)  # containers read it as another user
    repo = home / "check out"
    repo.mkdir()
    copy_checkout(repo)
    stack = ComposeStack(repo)
    stack.compose(*DOWN)
    stack.remove_image()
    remove = f"docker compose --progress quiet {' '.join(DOWN)} && docker rmi {stack.settings['AIRFLOW_IMAGE_NAME']}"
    with ended_by("bash", "-c", remove, cwd=repo, env=stack.environ()) as ending:
        failed = True
        try:
            live_once(stack)
            secrets = stack.run("make", "secrets")
            assert secrets.returncode == 0, secrets.stderr
            stack.settings["AIRFLOW_UID"] = OWN_UID
            stack.up()
            yield stack
            failed = bool(request.session.testsfailed)
        finally:
            if failed:
                (home / "logs").write_text(stack.compose("logs"))
                print(f"\nThe logs of the stack are kept in {home / 'logs'}")
    assert ending.returncode == 0, ending.told
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
