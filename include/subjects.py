"""What sources follow: places and pages. Several sources may follow the same; the statements of each kind lie in sql/<name>/."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from include.command import typed
from include.errors import WarehouseError
from include.warehouse import Connection, run


@dataclass(frozen=True)
class Subjects:
    """A kind of them.

    `one` is the word for one in messages, `names_param` the DAG parameter that restricts a run to some by name, `example` such a
    name, `table` where they are tracked. Statements: active, names, of_load, lock, lock_all.
    """

    name: str
    one: str
    names_param: str
    example: str
    table: str

    def statement(self, role: str) -> str:
        """The statement file of a role."""
        return f"{self.name}/{role}.sql"

    def active(self, connection: Connection, names: Sequence[str] | None) -> list[tuple[int, str]]:
        """(key, name) of all that are active, or of those named.

        Raises WarehouseError for an unknown name, and when there are none.
        """
        rows = run(connection, self.statement("active"), {"names": list(names) if names else None}).fetchall()
        if unknown := set(names or ()) - {name for row in rows for name in row[1:]}:
            raise WarehouseError(
                f"not a tracked {self.one}: {', '.join(sorted(unknown))}",
                f"see {self.table} and include/seed_data.yaml",
            )
        if not rows:
            raise WarehouseError(
                f"no active {self.one} is tracked",
                f"add one to include/seed_data.yaml and run `{typed('python -m include seed')}`",
            )
        return [(row[0], row[1]) for row in rows]

    def names(self, connection: Connection) -> dict[int, str]:
        """Key -> name, as `names_param` takes it, of all that are active."""
        return dict(run(connection, self.statement("names")).fetchall())

    def of_load(self, connection: Connection, subject_ids: Sequence[int]) -> list[tuple[Any, ...]]:
        """What requests are made of, in the order of the keys."""
        return run(connection, self.statement("of_load"), {"subject_ids": list(subject_ids)}).fetchall()


PLACES = Subjects("places", "location", "locations", "Boston", "core.location")

PAGES = Subjects("pages", "page", "pages", "New England", "core.tracked_page")

FORBIDDEN_IN_TITLES = frozenset("#<>[]{}|\n\t")
"""Characters that no MediaWiki title holds (https://www.mediawiki.org/wiki/Manual:Page_title): | would ask for two pages."""


@dataclass(frozen=True)
class Place:
    """A tracked place; degrees north and east."""

    location_id: int
    location_name: str
    latitude: Decimal
    longitude: Decimal

    @property
    def about(self) -> str:
        return f"{self.location_name} ({self.latitude.normalize():f}, {self.longitude.normalize():f})"


@dataclass(frozen=True)
class Page:
    """A tracked page: our key, the title to ask for, the wiki's language, and the wiki's page id if it was ever seen."""

    page_id: int
    page_title: str
    page_language: str
    wikipedia_page_id: int | None

    @property
    def about(self) -> str:
        return f"page {self.page_language}:{self.page_title}"
