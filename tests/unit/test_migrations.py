"""Migrations have one order, and a released one never changes: warehouses that ran it would be another thing than new ones."""

import re
from hashlib import sha256

from include.warehouse import SQL_FOLDER
from tests.unit.support import REPO

VERSIONS = REPO / "include" / "schema" / "versions"
SCHEMA = SQL_FOLDER / "schema"
RELEASED = SCHEMA / "RELEASED"

HOW = "a released migration was changed: put it back as it was, and what is to change into a new one (CONTRIBUTING.md, Style)"


def released() -> dict[str, str]:
    """SHA-256 of each released file, by its path in the repository: the format of sha256sum."""
    pairs = (line.split("  ", 1) for line in RELEASED.read_text(encoding="utf-8").splitlines())
    return {path: digest for digest, path in pairs}


def number(path: str) -> str:
    """The number of the migration that a file belongs to; nothing for one of before 1.0, which there are no more of."""
    found = re.match(r"(?:include/schema/versions|sql/schema)/(\d{4})_", path)
    return found[1] if found else ""


def test_every_migration_has_its_sql_and_follows_the_one_before() -> None:
    migrations = sorted(VERSIONS.glob("[0-9]*.py"))
    there = sorted(path.stem for path in SCHEMA.iterdir() if path.suffix == ".sql" or path.is_dir())
    assert [*(path.stem for path in migrations), "before_1_0"] == there
    revisions = [re.findall(r'^(?:down_)?revision = (?:"(\d+)"|None)', path.read_text(), re.M) for path in migrations]
    numbers = [path.stem[:4] for path in migrations]
    assert revisions == [[number, before] for number, before in zip(numbers, ["", *numbers], strict=False)]


def test_a_released_migration_is_what_it_was() -> None:
    assert released()
    now = {path: (REPO / path).is_file() and sha256((REPO / path).read_bytes()).hexdigest() for path in released()}
    assert now == released(), HOW


def test_a_migration_that_is_not_released_is_newer_than_those_that_are() -> None:
    files = [path.relative_to(REPO).as_posix() for path in (*VERSIONS.glob("*.py"), *SCHEMA.rglob("*.sql"))]
    newest = max(map(number, released()))
    assert [path for path in files if path not in released() and number(path) <= newest] == []
