"""What is stopped at the end of a test in any case."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

AT_THE_END = 'cat >/dev/null; exec "$@"'
"""A shell that waits for the end of its input."""


@dataclass
class Ending:
    """How the command at the end of a block went."""

    returncode: int = -1
    told: str = ""


@contextmanager
def ended_by(*command: str, cwd: Path, env: Mapping[str, str]) -> Iterator[Ending]:
    """Runs the command when the block ends; in a process of its own, which also runs it when this one is killed.

    Ctrl-C gives the workers of pytest-xdist some seconds to end, and a stack takes longer.
    """
    ending = Ending()
    with tempfile.TemporaryFile("w+") as told:  # no pipe: nobody may be left to read it
        waiting = subprocess.Popen(
            ["bash", "-c", AT_THE_END, "at the end", *command],
            cwd=cwd,
            env=dict(env),
            text=True,
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield ending
        finally:
            waiting.communicate()
            told.seek(0)
            ending.returncode, ending.told = waiting.returncode, told.read()
