"""docs/adding-a-source.md is true: its files, as they stand there, make a third source of a copy of the checkout."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import REPO

PAGE = REPO / "docs" / "adding-a-source.md"


def files_of(page: str) -> dict[str, str]:
    """Path -> text of the files that the page writes."""
    found = {}
    for before, text in re.findall(r"((?:(?!```)[^\n]*\n)+?)\n?```(?:python|sql)\n(.*?)```\n", page, re.DOTALL):
        paths = re.findall(r"`([\w/]+/[\w.]+\.(?:py|sql))`", before.strip().split("\n\n")[-1])
        found[paths[0]] = text
    return found


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the page's files in it."""
    files = files_of(PAGE.read_text(encoding="utf-8"))
    assert len(files) == 17
    copy = tmp_path_factory.mktemp("adding") / "checkout"
    shutil.copytree(REPO, copy, ignore=shutil.ignore_patterns(".venv", ".local", ".git", "__pycache__", ".*_cache"))
    edited = [path for path in files if (copy / path).exists()]
    assert edited == ["include/sources/__init__.py"]
    for path, text in files.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_text(text, encoding="utf-8")
    return copy


def python(checkout: Path, *words: str, **variables: str) -> None:
    """Runs Python in the checkout."""
    ran = subprocess.run(
        [sys.executable, *words],
        cwd=checkout,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]


def test_the_page_makes_a_third_source_and_edits_nothing_else(checkout: Path) -> None:
    unit = [f"tests/unit/test_{name}.py" for name in ("layers", "migrations", "deployment")]
    tests = ["tests/warehouse/test_air_quality.py", "tests/dags/test_dags.py", *unit]
    python(checkout, "-m", "pytest", "-q", "--show-capture=no", "--disable-warnings", *tests)


@pytest.mark.parametrize(
    ("apis", "host"), [("real", "https://air-quality-api.open-meteo.com"), ("sandbox", "http://sandbox:8090")]
)
def test_it_has_its_connection_and_its_pool_where_it_is_deployed(
    apis: str, host: str, checkout: Path, tmp_path: Path
) -> None:
    """airflow-init makes them in Airflow's database; it and the Helm chart's job run this script."""
    python(
        checkout, "deploy/init/airflow_objects.py", AIRFLOW_HOME=str(tmp_path), PYTHONPATH=str(checkout), DW_APIS=apis
    )
    with closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
        hosts = dict(database.execute("SELECT conn_id, host FROM connection").fetchall())
        pools = dict(database.execute("SELECT pool, slots FROM slot_pool WHERE pool <> 'default_pool'").fetchall())
    assert hosts["air_quality"] == host
    assert set(hosts) == {"open_meteo", "open_meteo_archive", "mediawiki", "air_quality"}
    assert (len(set(hosts.values())) == 1) == (apis == "sandbox")
    assert pools == {"open_meteo": 1, "mediawiki": 1}
