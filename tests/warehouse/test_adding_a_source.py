"""docs/adding-a-source.md is true: its files, as they stand there, make a third source of a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO

PAGE = REPO / "docs" / "adding-a-source.md"


def files_of(page: str) -> dict[str, str]:
    """Path -> text of the files that the page writes."""
    found = {}
    for before, text in re.findall(r"((?:(?!```)[^\n]*\n)+?)\n?```(?:python|sql)\n(.*?)```\n", page, re.DOTALL):
        paths = re.findall(r"`([\w/]+/[\w.]+\.(?:py|sql))`", before.strip().split("\n\n")[-1])
        found[paths[0]] = text
    return found


def test_the_page_makes_a_third_source_and_edits_nothing_else(tmp_path: Path) -> None:
    files = files_of(PAGE.read_text(encoding="utf-8"))
    assert len(files) == 17
    copy = tmp_path / "checkout"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns(".venv", ".local", ".git", "__pycache__", ".*_cache"))
    edited = [path for path in files if (copy / path).exists()]
    assert edited == ["include/sources/__init__.py"]
    for path, text in files.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text, encoding="utf-8")
    tests = ["tests/warehouse/test_air_quality.py", "tests/unit/test_layers.py", "tests/unit/test_migrations.py"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--show-capture=no", "--disable-warnings", *tests],
        cwd=copy,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
