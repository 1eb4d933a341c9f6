"""What the operators need to know of a source of data; include/weather.py and include/wikipedia.py are two."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from include.loads import Load
from include.settings import Settings
from include.warehouse import Connection
from include.windows import Window

LABEL_CHARACTERS = 250
"""Of the column that Airflow keeps a label in, task_instance.rendered_map_index: a longer one fails its task."""


@dataclass(frozen=True)
class Batch:
    """A slice of the window times a group of places or pages: what one load is for."""

    subject_ids: tuple[int, ...]
    names: tuple[str, ...]
    window: Window

    @property
    def label(self) -> str:
        """`Boston and 9 more · [2026-10-01, 2026-10-02) UTC`, for the Airflow UI; a name that is too long for it is cut."""
        more = f" and {len(self.names) - 1} more" if len(self.names) > 1 else ""
        rest = f"{more} · {self.window}"
        name, room = self.names[0], LABEL_CHARACTERS - len(rest)
        return (name if len(name) <= room else f"{name[: room - 1]}…") + rest


@dataclass(frozen=True)
class ApiRequest:
    """A GET: Airflow connection id, path, query, and what it is for.

    `host_fields` replace {fields} in the connection's host. `about` names the places or page in messages, `subject_ids` are their
    keys. `context` is the source's own, handed back with the answer.
    """

    connection_id: str
    endpoint: str
    params: dict[str, str]
    window: Window
    about: str
    subject_ids: tuple[int, ...]
    host_fields: dict[str, str] = field(default_factory=dict)
    context: Any = None

    @property
    def query(self) -> str:
        """The query string. Commas, colons and bars stay literal: Open-Meteo does not split a list at %2C."""
        return urlencode(self.params, safe=",:|")


@dataclass(frozen=True)
class RawRow:
    """One row for the source's raw table: its own columns, and a slice of the body.

    `problem` is why it cannot be used, a fault of its own place or page. A good answer `makes_up` for one that had a problem.
    """

    columns: dict[str, Any]
    payload: str
    problem: str | None = None
    makes_up: bool = False


class Source(Protocol):
    """A module with these names."""

    NAME: str
    LAND: str
    """Statement file that inserts one raw row."""
    RAW_TABLE: str
    """The table it inserts into, for messages."""
    CLEAR_STAGING: tuple[str, ...]
    """Statement files that empty staging of one load."""
    ANSWERS: str
    """Statement file that lists the answers a load is made of."""
    STORED_ANSWERS: str
    """Statement file that notes the stored answers a replay is made of; returns their number, and its places or pages in words."""

    def observable(self, window: Window, now: datetime) -> Window:
        """The part of a window that can be known by now; raises BadWindow when there is none."""
        ...

    def plan_batches(
        self, connection: Connection, window: Window, settings: Settings, names: Sequence[str] | None
    ) -> list[Batch]:
        """The batches of a window, for all active places or pages or those named; raises WarehouseError when there are none."""
        ...

    def conversation(self, connection: Connection, load: Load, now: datetime) -> Generator[ApiRequest, Any, None]:
        """Yields the requests of a load; is sent what `read` made of each answer, None where none came that could be read."""
        ...

    def read(self, request: ApiRequest, text: str) -> tuple[list[RawRow], Any]:
        """Checks the body of a 200 and cuts it into raw rows, one a subject of the request, in its order.

        A fault of one subject is the problem of its row. Raises BadAnswer for a body that cannot be cut, and for a fault of the
        service. The second value goes back into the conversation.
        """
        ...

    def whole(self, request: ApiRequest) -> dict[str, Any]:
        """The raw columns for an answer that is kept in one piece."""
        ...

    def problem_of_status(self, status: int, text: str, now: datetime) -> "BadAnswerDetails":
        """What an answer with an error status means."""
        ...


@dataclass(frozen=True)
class BadAnswerDetails:
    """In words, whether and when to try again, and whether it is a fault of the service; see include.errors.BadAnswer."""

    problem: str
    is_retryable: bool
    retry_after: float | None = None
    is_of_service: bool = False
