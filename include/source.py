"""What a source of data is; include/sources has them all."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from include.loads import Load
from include.subjects import Subjects
from include.suite import Suite
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
    keys. `context` is the source's own, handed back with the response.
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

    `problem` is why it cannot be used, a fault of its own place or page. A good response `makes_up` for one that had a problem.
    """

    columns: dict[str, Any]
    payload: str
    problem: str | None = None
    makes_up: bool = False


@dataclass(frozen=True)
class BadResponseDetails:
    """In words, whether and when to try again, and whether it is a fault of the service; see include.errors.BadResponse."""

    problem: str
    is_retryable: bool
    retry_after: float | None = None
    is_of_service: bool = False


@dataclass(frozen=True)
class Range:
    """A setting that is a whole number: its default, and what it may be."""

    default: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Attribution:
    """Whom to name beside the data, and the terms they are under; addresses to link to."""

    words: str
    address: str
    license: str
    terms: str


@dataclass(frozen=True)
class Mart:
    """A materialized view of schema mart; `roll_up` first brings up to date what it is read from, if that is not core itself."""

    name: str
    roll_up: Callable[[Connection], None] | None = None


@dataclass(frozen=True)
class Source:
    """A source of data. Settings, pools, connections, marts, gaps and replays are made from these, and nowhere listed again.

    Its statements lie in sql/<name>/. Each source has those of the roles land, responses, stored_responses and summary; those of
    `clear`, `stage`, `prepare` and `publish` are its own, in order.
    """

    name: str
    """Of the DAG too, and in DW_<NAME>_SCHEDULE, DW_<NAME>_REVISION_DAYS and DW_<NAME>_<SUBJECTS>_PER_BATCH."""
    subjects: Subjects
    connections: Mapping[str, str]
    """Airflow connection id -> the service's own host."""
    pool: str
    """One request at a time."""
    raw_table: str
    core_table: str
    """Without its schema."""
    suite: Suite
    marts: tuple[Mart, ...]
    clear: tuple[str, ...]
    """Statements that empty staging of a load, one a table."""
    stage: tuple[str, ...]
    """Statements that parse the responses of a load into staging."""
    publish: tuple[str, ...]
    """Statements that move what is trusted into core, in one transaction."""
    step: timedelta
    """How far apart its moments are at least."""
    revision_days: int
    """How many days a scheduled run reads again, unless the setting says otherwise."""
    batch: Range
    """How many subjects one load is for."""

    observable: Callable[[Window, datetime], Window]
    """The part of a window that can be known by now; raises BadWindow when there is none."""
    longest_load: Callable[[int], timedelta]
    """The longest window of one load of so many subjects."""
    conversation: Callable[[Connection, Load, datetime], Generator[ApiRequest, Any, None]]
    """Yields the requests of a load; is sent what `read` made of each response, None where none came that could be read."""
    read: Callable[[ApiRequest, str], tuple[list[RawRow], Any]]
    """Checks the body of a 200 and cuts it into raw rows, one a subject of the request, in its order.

    A fault of one subject is the problem of its row. Raises BadResponse for a body that cannot be cut, and for a fault of the
    service. The second value goes back into the conversation.
    """
    whole: Callable[[ApiRequest], dict[str, Any]]
    """The raw columns for a response that is kept in one piece."""
    problem_of_status: Callable[[int, str, datetime], BadResponseDetails]
    """What a response with an error status means."""

    prepare: tuple[str, ...] = ()
    """Statements that make room in core for a load before it is published, each in a transaction of its own. Safe to repeat."""
    attribution: Attribution | None = None
    """Shown wherever its data are."""

    def statement(self, role: str) -> str:
        """The statement file of a role."""
        return f"{self.name}/{role}.sql"

    @property
    def clear_staging(self) -> tuple[str, ...]:
        """The statements that empty staging of one load."""
        return (*(self.statement(role) for role in self.clear), "ops/forget_staged.sql")

    @property
    def stage_statements(self) -> tuple[str, ...]:
        """All that stages a load, but for the lock."""
        own = (self.statement(role) for role in self.stage)
        return (*self.clear_staging, *own, "ops/mark_staged.sql")

    @property
    def prepare_statements(self) -> tuple[str, ...]:
        """All that comes before a publish; each is committed before the next."""
        return tuple(self.statement(role) for role in self.prepare)

    @property
    def publish_statements(self) -> tuple[str, ...]:
        """All that publishes a load: its lock first, then those of its subjects, so that publishes that share one take turns."""
        own = (self.statement(role) for role in self.publish)
        return (
            "ops/lock_audited_load.sql",
            self.subjects.statement("lock"),
            *own,
            "ops/mark_published.sql",
            *self.clear_staging,
        )

    def plan_batches(
        self, connection: Connection, window: Window, size: int, names: Sequence[str] | None
    ) -> list[Batch]:
        """The batches of a window, oldest first: groups of at most `size` subjects times slices of it.

        For all active subjects or those named; raises WarehouseError when there are none.
        """
        active = self.subjects.active(connection, names)
        groups = [active[first : first + size] for first in range(0, len(active), size)]
        return [
            Batch(tuple(key for key, _ in group), tuple(name for _, name in group), part)
            for part in window.slices(self.longest_load(len(groups[0])))
            for group in groups
        ]
