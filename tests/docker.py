"""Docker, for the tests that need it."""

import os
import shutil
import subprocess
from typing import NoReturn

import pytest

COMMAND_SECONDS = 600


def why_no_engine() -> str:
    """Why no container can run here; empty when one can."""
    if not shutil.which("docker"):
        return "Docker is not installed"
    return refused("no Docker engine answers", "docker", "version")


def why_no_compose() -> str:
    """Why no compose stack can run on the engine; empty when one can."""
    return refused("Docker Compose v2 is not installed", "docker", "compose", "version")


def refused(what: str, *command: str) -> str:
    """`what` with the last words of a command that fails; empty when it works."""
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    last = answer.stdout.strip().rpartition("\n")[2]
    return f"{what} ({' '.join(command)}: {last})" if answer.returncode else ""


def do_without(reason: str) -> NoReturn:
    """Skips the test, or fails it where .ci/run has asked for Docker: what CI can install must not be skipped there."""
    if os.environ.get("DW_TEST_DOCKER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def docker(*words: str) -> str:
    """What `docker WORDS` prints."""
    return subprocess.run(
        ["docker", *words], capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS
    ).stdout
