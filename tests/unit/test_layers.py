"""Data flows one way: dags, plugins, include, sql; and every statement is one, says what it promises, and is used."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlparse

from include.sources import SOURCES
from include.warehouse import SQL_FOLDER
from tests.unit.support import REPO

MODULES = sorted((REPO / "include").rglob("*.py"))
STATEMENTS = sorted(
    path.relative_to(SQL_FOLDER).as_posix()
    for path in SQL_FOLDER.rglob("*.sql")
    if path.relative_to(SQL_FOLDER).parts[0] not in ("schema", "bootstrap")
)


def imports_of(path: Path) -> Iterator[str]:
    """Top names of all that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.level > 0:
            yield "include"


def name_of(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def sql_named_in(*folders: str) -> set[str]:
    """Every text of the form folder/file.sql in the Python files of these folders."""
    return {
        str(node.value)
        for folder in folders
        for path in (REPO / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and re.fullmatch(r"\w+(/\w+)+\.sql", str(node.value))
    }


def test_the_folders_are_where_these_tests_look() -> None:
    assert len(MODULES) > 10 and len(STATEMENTS) > 30
    assert list((REPO / "dags").glob("*.py")) and list((REPO / "plugins").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_include_imports_neither_airflow_nor_what_stands_above_it(path: Path) -> None:
    assert {"airflow", "plugins", "dags", "local", "sandbox", "tests", "config"} & set(imports_of(path)) == set()


@pytest.mark.parametrize("path", sorted((REPO / "plugins").rglob("*.py")), ids=name_of)
def test_plugins_import_nothing_that_stands_above_them(path: Path) -> None:
    assert {"dags", "local", "sandbox", "tests", "config"} & set(imports_of(path)) == set()


def test_include_runs_without_airflow_and_starts_without_great_expectations() -> None:
    # The schema is not part of a run, and its libraries are slow to import. What asks Great Expectations is imported by who audits.
    asks = REPO / "include" / "audit" / "expectations.py"
    modules = [path for path in MODULES if not {"schema", "__main__.py"} & set(path.parts) and path != asks]
    names = [".".join(path.relative_to(REPO).with_suffix("").parts).removesuffix(".__init__") for path in modules]
    code = (
        f"import sys, {', '.join(names)}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'airflow', 'great_expectations', 'plugins'}))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_file_holds_one_statement(name: str) -> None:
    text = sqlparse.format((SQL_FOLDER / name).read_text(encoding="utf-8"), strip_comments=True)
    assert len([part for part in sqlparse.split(text) if part.strip(" ;\n")]) == 1


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_has_named_placeholders_only(name: str) -> None:
    text = (SQL_FOLDER / name).read_text(encoding="utf-8")
    assert "%" not in re.sub(r"%\([a-z_]+\)s|%%", "", text)


@pytest.mark.parametrize("path", sorted(SQL_FOLDER.rglob("*.sql")), ids=name_of)
def test_a_sql_file_begins_with_what_it_promises(path: Path) -> None:
    assert re.match(r"-- [A-Z].{15,}", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_counts_what_it_publishes(name: str) -> None:
    """The load group counts what is staged; how many rows of core changed only the statement knows that changes them."""
    texts = [(SQL_FOLDER / statement).read_text(encoding="utf-8") for statement in SOURCES[name].publish_statements]
    assert [text for text in texts if "rows_published = " in text and "rows_changed = " in text]


def test_every_statement_that_is_named_is_there_and_each_that_is_there_is_named() -> None:
    named = sql_named_in("dags", "include", "plugins")
    for source in SOURCES.values():
        named |= {*source.stage_statements, *source.prepare_statements, *source.publish_statements}
        named |= {source.statement(role) for role in ("land", "responses", "stored_responses", "summary")}
        named |= {source.subjects.statement(role) for role in ("active", "names", "of_load", "lock")}
    there = {path.relative_to(SQL_FOLDER).as_posix() for path in SQL_FOLDER.rglob("*.sql")}
    schema = {name for name in there if name.startswith("schema/")}
    assert named == there - schema
