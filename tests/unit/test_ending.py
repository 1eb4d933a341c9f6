"""tests/ending.py: a stack of the tests does not outlive them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.console import wait_until
from tests.ending import ended_by
from tests.unit.support import REPO

KILLED_WITHIN = """
import os, sys, time
from pathlib import Path
from tests.ending import ended_by
with ended_by("touch", "ended", cwd=Path(sys.argv[1]), env=os.environ):
    print("within", flush=True)
    time.sleep(600)
"""


def test_the_command_is_run_at_the_end_and_told_how_it_went(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ended_by("bash", "-c", "echo done; exit 3", cwd=tmp_path, env=os.environ) as ending:
        raise KeyError
    assert (ending.returncode, ending.told) == (3, "done\n")


def test_the_command_is_run_also_when_the_process_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_WITHIN, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "within\n"
        assert not (tmp_path / "ended").exists()
        process.kill()
    wait_until((tmp_path / "ended").exists, 20, lambda: "nobody has done it")
