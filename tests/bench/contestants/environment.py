"""The virtual environment of the contestants, below .local/, and how the bench runs one of them."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from local import install
from tests.e2e.stack import fresh_terminal

REPO = Path(__file__).resolve().parents[3]
REQUIREMENTS = REPO / "requirements-bench.txt"
VENV = REPO / ".local" / "bench" / "venv"
PYTHON = VENV / "bin" / "python"
SETTINGS = {
    "DO_NOT_TRACK": "1",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PYTHONPATH": str(REPO),
}
"""Nobody is told of the bench, and nothing but results is printed."""


@cache
def prepare() -> None:
    """Makes the environment, or completes it; InstallError when the packages cannot be had."""
    stamp, wanted = VENV / ".installed", REQUIREMENTS.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    VENV.parent.mkdir(parents=True, exist_ok=True)
    log, env = str(VENV.parent / "install.log"), install.uv_environment(sys.executable)
    uv, target = [sys.executable, "-m", "uv"], ["--python", str(PYTHON)]
    create = [*uv, "venv", "--clear", "--python", sys.executable, str(VENV)]
    install.run("creating the contestants' environment", create, log, env)
    install.run("installing the contestants", [*uv, "pip", "install", *target, "-r", str(REQUIREMENTS)], log, env)
    stamp.write_text(wanted, encoding="utf-8")


def version_of(package: str) -> str:
    """The installed version of a contestant."""
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def environment(**more: str) -> dict[str, str]:
    """The variables of a contestant's process."""
    return fresh_terminal() | SETTINGS | more


def command(script: str, *arguments: str) -> list[str]:
    """What starts a script of this folder."""
    return [str(PYTHON), "-m", f"{__package__}.{script}", *arguments]


def race(script: str, folder: Path, **task: Any) -> dict[str, Any]:
    """Runs a script to its end, in a working folder of its own; returns what it prints last."""
    prepare()
    answer = subprocess.run(
        command(script, json.dumps(task)), cwd=folder, env=environment(HOME=str(folder)), capture_output=True, text=True
    )
    if answer.returncode:
        raise RuntimeError(f"{script} failed:\n{answer.stdout}{answer.stderr}")
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found
