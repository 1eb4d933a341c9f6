"""`python -m tests.warehouse.model.breakages`: breaks the code on purpose, and tells after how many histories the model sees it.

Each breakage is made in a copy of the checkout. Exit code 1 when one is not seen, or when its text is not there any more.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from local.settings import REPO

HISTORIES = 30


class Breakage(NamedTuple):
    """What goes wrong, and the text of a file below sql/ that is replaced for it."""

    what: str
    source: str
    file: str
    text: str
    by: str


BREAKAGES = (
    Breakage(
        "an hour that is published late replaces a newer one",
        "weather",
        "weather/upsert.sql",
        "offered.unknown = 0 AND known.raw_id <= offered.raw_id",
        "offered.unknown = 0",
    ),
    Breakage(
        "an unchanged hour keeps an old raw id, and loses against a response that is published late",
        "weather",
        "weather/upsert.sql",
        "unsettled.raw_id < offered.raw_id",
        "false",
    ),
    Breakage(
        "an hour that was set aside is published",
        "weather",
        "weather/upsert.sql",
        "AND NOT is_quarantined",
        "",
    ),
    Breakage("a withheld day is published", "weather", "weather/upsert.sql", "AND NOT is_withheld", ""),
    Breakage(
        "a null takes a known precipitation away",
        "weather",
        "weather/upsert.sql",
        "FILTER (WHERE precipitation_mm IS NOT NULL)",
        "",
    ),
    Breakage(
        "the days of a publish are not rolled up",
        "weather",
        "weather/note_due_days.sql",
        "WHERE load.load_id",
        "WHERE false AND load.load_id",
    ),
    Breakage(
        "a late publish shows a hidden user again",
        "wikipedia",
        "wikipedia/upsert.sql",
        "known.raw_id IS NULL OR known.raw_id <= greatest(coalesce(unlisted.raw_id, newest.raw_id), this.overruled)",
        "true",
    ),
    Breakage(
        "an unknown size replaces a known one",
        "wikipedia",
        "wikipedia/upsert.sql",
        "CASE WHEN offered.takes_size THEN",
        "CASE WHEN offered.is_newest THEN",
    ),
    Breakage(
        "a late reading removes what a newer one lists",
        "wikipedia",
        "wikipedia/remove_unlisted.sql",
        "AND reading.reading_id > known.raw_id",
        "",
    ),
    Breakage(
        "a revision that is removed under one title is counted under another",
        "wikipedia",
        "wikipedia/upsert.sql",
        "OR (merged.page_id, merged.revision_id) IN (SELECT elsewhere.page_id, elsewhere.revision_id FROM elsewhere)",
        "",
    ),
    Breakage(
        "a corrected parent leaves the size change of its children",
        "wikipedia",
        "wikipedia/complete_size_deltas.sql",
        "ON touched.page_id = child.page_id AND touched.revision_id = child.parent_id",
        "ON touched.page_id = child.page_id AND false",
    ),
    Breakage(
        "a reading that was cut short is replayed",
        "wikipedia",
        "wikipedia/stored_responses.sql",
        "WHERE last_response.problem IS NULL AND",
        "WHERE true OR",
    ),
)


def main() -> int:
    """Prints a line for each breakage."""
    results = [seen_after(breakage) for breakage in BREAKAGES]
    return 0 if all(results) else 1


def seen_after(breakage: Breakage) -> int:
    """The number of the history that ended the model, 0 when none did."""
    with tempfile.TemporaryDirectory(prefix="dw breakage ") as folder:
        copy = Path(folder) / "checkout"
        shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns(".venv", ".local", ".git", "__pycache__"))
        file = copy / "sql" / breakage.file
        text = file.read_text()
        if breakage.text not in text:
            print(f"{breakage.what}: {breakage.file} does not hold {breakage.text!r} any more: correct this list")
            return 0
        file.write_text(text.replace(breakage.text, breakage.by, 1))
        answer = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-k", breakage.source, "tests/warehouse/test_model.py"],
            cwd=copy,
            env=os.environ | {"DW_TEST_SEEDS": str(HISTORIES)},
            capture_output=True,
            text=True,
        )
    passed = re.search(r"(\d+) passed", answer.stdout)
    number = int(passed[1]) + 1 if passed else 1
    is_seen = re.search("rows of .* differ|violates check constraint", answer.stdout) is not None
    print(f"{breakage.what}: {f'seen in history {number}' if is_seen else f'NOT SEEN in {HISTORIES}'}", flush=True)
    if not is_seen:
        print(answer.stdout[-2000:] + answer.stderr[-2000:])
    return number if is_seen else 0


if __name__ == "__main__":
    sys.exit(main())
