"""`make replay` on the command line: what it asks Airflow for, and what it refuses in one line."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local import replay
from local.console import Failure
from local.settings import Paths

NOW = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "start", "end"),
    [
        (["-s", "2026-10-01", "-e", "2026-10-31"], "2026-10-01T00:00:00+00:00", "2026-11-01T00:00:00+00:00"),
        (["-s", "2026-10-01"], "2026-10-01T00:00:00+00:00", "2026-10-02T00:00:00+00:00"),
        (["-e", "2026-10-01"], "2026-10-01T00:00:00+00:00", "2026-10-02T00:00:00+00:00"),
        (["-s", "2026-10-01T06:00"], "2026-10-01T06:00:00+00:00", "2026-10-01T06:00:01+00:00"),
        (["-s", "2026-10-01T06", "-e", "2026-10-01"], "2026-10-01T06:00:00+00:00", "2026-10-02T00:00:00+00:00"),
        (["--start-date", "2026-10-01", "--end-date", "2026-10-02T02:00+02:00"], "2026-10-01T00:00:00+00:00",
         "2026-10-02T00:00:01+00:00"),
        (["-s", "2026-11-20", "-e", "2026-11-30"], "2026-11-20T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
    ],
)  # fmt: skip
def test_both_ends_are_inclusive_and_the_run_gets_a_half_open_window(
    arguments: list[str], start: str, end: str
) -> None:
    conf = replay.read(["weather", *arguments], NOW).conf
    assert conf == {"start_date": start, "end_date": end, "replay": True}


@pytest.mark.parametrize(("dag_id", "param"), [("weather", "locations"), ("wikipedia", "pages")])
def test_only_some_places_or_pages(dag_id: str, param: str) -> None:
    arguments = [dag_id, "-s", "2026-10-01", "--only", "New England", "--only", "Boston"]
    assert replay.read(arguments, NOW).conf[param] == ["New England", "Boston"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: dag_id"),
        (["rain", "-s", "2026-10-01"], "invalid choice: 'rain'"),
        (["weather"], "give a first and a last date"),
        (["weather", "-s", "yesterday"], "-s must be a date or datetime such as 2026-10-01"),
        (["weather", "-s", "2026-10-01", "-e", "2026-13-01"], "-e must be a date"),
        (["weather", "-s", "2026-10-02", "-e", "2026-10-01"], "-s 2026-10-02 is after -e 2026-10-01"),
        (["weather", "-s", "2026-11-21"], "-s 2026-11-21 lies in the future"),
        (["weather", "-s", "2026-10-01", "-e", "9999-12-31"], "out of range"),
        (["weather", "-s", "2026-10-01", "--frob"], "unrecognized arguments: --frob"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        replay.read(arguments, NOW)
    said: Any = capsys.readouterr()
    assert ended.value.code == 2
    assert words in said.err and said.err.startswith("replay: ") and said.err.count("\n") == 1


def test_without_a_running_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"^Airflow of this checkout does not run: `make up` starts it\.$"):
        replay.replay(Paths(tmp_path), ["weather", "-s", "2026-10-01"])
    assert list(tmp_path.iterdir()) == []


def test_the_command_is_known_to_python_m_local() -> None:
    command = [sys.executable, "-m", "local", "replay", "weather"]
    answer = subprocess.run(command, cwd=Path(replay.__file__).parent.parent, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("replay: give a first and a last date")
