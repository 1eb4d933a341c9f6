"""No SQL is made of values: what is executed is a text of the code or a file of sql/, and what varies comes beside it.

Texts that are put together elsewhere are ruff's to find (S608); pyproject.toml says of which files it is not asked, and why.
"""

import ast
from pathlib import Path

import pytest

from tests.unit.support import REPO

TAKES_SQL = {"execute", "executemany", "exec_driver_sql", "copy", "statement", "SQL", "text"}
"""What takes SQL as its first argument: of psycopg, SQLAlchemy, and include/warehouse.py."""

FROM_LISTS_OF_THE_CODE = {
    ("include/audit/quarantine.py", "SQL(operator)"),  # < or >
}

FOLDERS = ("config", "dags", "deploy", "include", "local", "plugins")
FILES = sorted(path for folder in FOLDERS for path in (REPO / folder).rglob("*.py"))


def name_of(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )


def is_put_together(call: ast.Call) -> bool:
    sql = call.args[0]
    if isinstance(sql, ast.Call):
        # `sql.SQL("…").format(sql.Identifier(…))` quotes what it fills in; a plain text's format does not.
        return isinstance(sql.func, ast.Attribute) and isinstance(sql.func.value, ast.Constant)
    if name_of(call.func) == "SQL":
        return not all(
            isinstance(part, ast.Constant) for part in ([sql.body, sql.orelse] if isinstance(sql, ast.IfExp) else [sql])
        )
    return isinstance(sql, ast.JoinedStr | ast.BinOp)


def put_together(text: str) -> set[str]:
    """The calls that take a SQL which is put together in place."""
    return {
        f"{name_of(call.func)}({ast.unparse(call.args[0])})"
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and name_of(call.func) in TAKES_SQL and call.args and is_put_together(call)
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPO).as_posix())
def test_no_sql_is_put_together_where_it_is_executed(path: Path) -> None:
    name = path.relative_to(REPO).as_posix()
    found = {(name, call) for call in put_together(path.read_text(encoding="utf-8"))}
    assert found - FROM_LISTS_OF_THE_CODE == set()


@pytest.mark.parametrize(
    "line",
    [
        "connection.execute(f'SELECT {title}')",
        "connection.execute('SELECT ' + title)",
        "connection.execute('SELECT %s' % title)",
        "connection.execute('SELECT {}'.format(title))",
        "session.execute(text(f'SELECT {title}'))",
        "connection.execute(sql.SQL(title))",
    ],
)
def test_it_would_be_found(line: str) -> None:
    assert put_together(line)
