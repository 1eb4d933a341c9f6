"""Wikipedia: a wiki that hides, deletes, forgets and answers wrongly, and what core must hold of its revisions."""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from include.sources.wikipedia.suite import LARGEST_SIZE
from sandbox.messages import Request
from tests.warehouse.model.history import Load, Span, Withheld, compare, not_made_up_for
from tests.warehouse.pipeline import Pipeline

ELSEWHERE = 303
"""The wiki's id of a page that titles lead to now and then."""

Said = dict[str, Any]
"""A revision as the wiki lists it."""

MADE_OF = (
    "SELECT id, page_id, window_start, window_end, http_status, url, load_id, attempt, payload FROM raw.wikipedia_pages"
)


@dataclass
class Wiki:
    """Pages by the wiki's id, each with revisions that come late, are hidden, are deleted and come back."""

    dice: random.Random
    titles: dict[str, int]
    span: Span
    revisions: dict[int, list[Said]] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    """Ids of revisions."""
    gone: set[int] = field(default_factory=set)
    """Pages that are deleted for now."""
    is_calm: bool = True
    """Nothing is wrong with its responses yet."""
    asked: dict[str, str] = field(default_factory=dict)
    """The parameters of the request to answer."""

    def __post_init__(self) -> None:
        hours = int((self.span.end - self.span.start) / timedelta(hours=1))
        for page in sorted({*self.titles.values(), ELSEWHERE}):
            moments = sorted(self.dice.sample(range(hours), 7))
            ids = [100 * page + number for number in range(1, 8)]
            self.revisions[page] = [
                self._revision(ids, number, self.span.start + timedelta(hours=moment))
                for number, moment in enumerate(moments)
            ]
            self.listed |= {revid for revid in ids if self.dice.random() < 0.8}

    def _revision(self, ids: list[int], number: int, moment: datetime) -> Said:
        who = self.dice.choice([
            {"user": "Ada"}, {"user": "Bob"}, {"user": "10.0.0.1", "anon": True}, {"user": "imported>Eve", "anon": True},
            {"user": "~2026-1", "temp": True},
        ])  # fmt: skip
        return {
            "revid": ids[number], "parentid": ids[number - 1] if number else 0, "minor": self.dice.random() < 0.3,
            "timestamp": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "size": self.dice.randrange(1, 5000), "sha1": "aa", "comment": "c",
            "tags": [], **who,
        }  # fmt: skip

    def change(self) -> None:
        """A few things that happen at a wiki."""
        for _ in range(self.dice.randrange(7)):
            page = self.dice.choice(sorted(self.revisions))
            said = self.dice.choice(self.revisions[page])
            what = self.dice.randrange(8)
            if what in (0, 1):
                said["userhidden"] = not said.get("userhidden")
            if what in (2, 3, 4):
                self.listed ^= {said["revid"]}
            if what == 5:
                said["size"], said["sha1"] = self.dice.randrange(1, 5000), self.dice.choice(["aa", "bb"])
            if what == 6:
                said["parentid"] = self.dice.choice([0, *(other["revid"] for other in self.revisions[page])])
            if what == 7:
                self.gone ^= {page}

    def hears(self, request: Request) -> bool:
        """Remembers what to answer: for `when` of a Fault."""
        self.asked = dict(request.params)
        return True

    def answer(self, _: bytes) -> bytes:
        """To what was asked last: for `rewrite` of a Fault."""
        faults = ["circle", "old", "error", "id", "size", "time", "elsewhere", "elsewhere"]
        wrong = "" if self.is_calm else self.dice.choice([*[""] * 40, *faults])
        if wrong == "circle":
            return dump({"query": {"redirects": [{"from": "a", "to": "b"}]}})
        if wrong == "error":
            return dump({"error": {"code": "rvnosuchsection", "info": "no"}})
        title = self.asked.get("titles")
        page = self.titles[title] if title else int(self.asked["pageids"])
        if title and wrong == "elsewhere" and page not in self.gone:
            page = ELSEWHERE
        if page in self.gone:
            missing = (
                {"pageid": page, "missing": True}
                if "pageids" in self.asked
                else {"ns": 0, "title": title, "missing": True}
            )
            return dump({"query": {"pages": [missing]}})
        listed = self._list(page)
        first, length = int(self.asked.get("rvcontinue", "0")), self.dice.choice([3, 500])
        part = listed[first : first + length]
        if wrong in ("id", "size", "time") and part:
            part[-1] |= {"id": {"revid": "x"}, "size": {"size": "1"}, "time": {"timestamp": "2026-10-05"}}[wrong]
        pages: Any = [{"pageid": page, "ns": 0, "title": self._title(page), "revisions": part}]
        more = (
            {"continue": {"rvcontinue": str(first + length), "continue": "||"}} if first + length < len(listed) else {}
        )
        return dump({"query": {"pages": {str(page): pages[0]} if wrong == "old" else pages}} | more)

    def _title(self, page: int) -> str:
        """Others redirect to it."""
        return next((title for title, leads_to in self.titles.items() if leads_to == page), "Elsewhere")

    def _list(self, page: int) -> list[Said]:
        """The revisions in the window, with what this response does not know or has wrong."""
        listed = [
            dict(said)
            for said in self.revisions[page]
            if said["revid"] in self.listed and self.asked["rvstart"] <= said["timestamp"] <= self.asked["rvend"]
        ]
        for said in listed:
            if said.get("userhidden"):
                del said["user"]
            if self.dice.random() < 0.1:
                said |= {"size": 0, "sha1": ""}
            if self.dice.random() < 0.1:
                del said["parentid"]
        if "rvcontinue" not in self.asked and listed and not self.is_calm:
            wrong = self.dice.choice([*[""] * 20, "absurd", "absurd", "absurd", "twice", "outside"])
            for said in (
                self.dice.sample(listed, min(len(listed), self.dice.choice([1, 1, 2]))) if wrong == "absurd" else []
            ):
                said |= {"size": self.dice.choice([2**40, 2**63 - 1, -1]), "sha1": "cc"}
            if wrong == "twice":
                listed.append(dict(listed[0]))
            if wrong == "outside":
                listed[0]["timestamp"] = "2026-11-01T00:00:00Z"
        return listed


def dump(document: Any) -> bytes:
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Part:
    """One stored response about a page; `page` is None where it cannot be read."""

    raw_id: int
    place: int
    span: Span
    extraction: tuple[int, int]
    is_by_id: bool
    continues: bool
    page: dict[str, Any] | None
    is_last: bool

    @property
    def exists(self) -> bool:
        return self.page is not None and not self.page.get("missing")


def read(row: tuple[Any, ...]) -> Part:
    """A response as it lies in raw."""
    raw_id, place, start, end, status, url, load_id, attempt, payload = row
    page, is_last = None, True
    try:
        document = json.loads(payload if status == 200 else "")
        (page,) = document["query"]["pages"]
        is_last = "continue" not in document
        for said in page.get("revisions", []):
            numbers = [said["revid"], said["size"], said.get("parentid", 0)]
            datetime.strptime(said["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
            if not all(isinstance(number, int) for number in numbers):
                raise ValueError
        page["title"] = page.get("title") or ""
    except (ValueError, KeyError, TypeError, AttributeError):
        page, is_last = None, True
    asked = parse_qs(urlsplit(url).query)
    is_by_id, continues = "pageids" in asked, "rvcontinue" in asked
    return Part(raw_id, place, Span(start, end), (load_id, attempt), is_by_id, continues, page, is_last)


def same_page(part: Part, before: Part) -> bool:
    """Whether a response that continues another one tells of the same page."""
    ids = [each.page.get("pageid") if each.page and each.exists else None for each in (part, before)]
    return ids[0] == ids[1]


def problems_of(parts: list[Part]) -> list[Part]:
    """Of one page and one extraction: what cannot be used, and no later response by id makes up for."""
    made_up = [part.raw_id for part in parts if part.is_by_id and part.exists]
    return [part for part in parts if part.page is None and part.raw_id > max(made_up, default=0)]


@dataclass(frozen=True)
class Reading:
    """A page as one extraction read it, in the window that counts: `page` is the wiki's id, None where it has no such page."""

    place: int
    raw_id: int
    span: Span
    is_trusted: bool
    page: int | None = None
    listed: tuple[tuple[int, Said], ...] = ()
    """(raw id, what it says)"""

    def lists(self, revid: int) -> bool:
        return any(said["revid"] == revid for _, said in self.listed)


def moment(said: Said) -> datetime:
    return datetime.strptime(said["timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def is_unknown(said: Said) -> bool:
    return bool(said["size"] == 0 and said["sha1"] == "")


def is_outside(said: Said) -> bool:
    return not is_unknown(said) and not 0 <= said["size"] <= LARGEST_SIZE


def reading_of(parts: list[Part], span: Span, is_replay: bool) -> Reading:
    """What the responses of one page and one extraction come to."""
    place, readable = parts[0].place, [part for part in parts if part.page is not None]
    if not readable or problems_of(parts) or not parts[-1].is_last:
        return Reading(place, parts[-1].raw_id, span, False)
    chosen = max(readable, key=lambda part: (part.exists, part.raw_id))
    assert chosen.page is not None
    listed = [
        (part.raw_id, said)
        for part in readable
        if part.page and part.exists and part.page["pageid"] == chosen.page.get("pageid")
        for said in part.page.get("revisions", [])
        if not is_replay or moment(said) in span or moment(said) not in parts[0].span
    ]
    outside = sum(is_outside(said) for _, said in listed)
    is_trusted = (
        all(moment(said) in parts[0].span for _, said in listed)
        and len({said["revid"] for _, said in listed}) == len(listed)
        and outside <= max(1, len(listed) / 10)
    )
    page = chosen.page["pageid"] if chosen.exists else None
    return Reading(place, readable[-1].raw_id, span, is_trusted, page, tuple(listed))


@dataclass
class Row:
    """A revision under one followed title, by all that was published."""

    newest: int
    """Raw id of the reading that says what it is now."""
    page: int
    said: Said
    parent: int | None
    size: int | None
    sha1: str | None
    is_removed: bool
    delta: int | None = None

    @property
    def user(self) -> str | None:
        return None if self.is_removed or self.said.get("userhidden") else self.said["user"]

    @property
    def is_anonymous(self) -> bool:
        return self.user == "10.0.0.1"

    @property
    def is_temporary(self) -> bool:
        return self.user is not None and bool(self.said.get("temp"))


@dataclass
class Oracle:
    """What the newest published reading says of a revision; of parent and size the newest that is known."""

    pipeline: Pipeline
    parts: dict[int, Part] = field(default_factory=dict)
    """By raw id."""
    finished: set[tuple[int, int]] = field(default_factory=set)
    """Extractions (load, attempt) that came to their end."""
    out: dict[tuple[int, int, Span], Reading] = field(default_factory=dict)
    """The published ones, by page, raw id, and the window that counts."""
    lost: set[tuple[int, int, Span]] = field(default_factory=set)
    """Those whose revisions core does not have any more. A replay of a part may trust a reading that the whole one withholds."""

    def extracted(self, load: Load) -> None:
        self._read()
        self.finished |= {self.parts[raw_id].extraction for raw_id in load.landed if not load.is_replay}

    def stored(self, load: Load) -> tuple[int, ...]:
        self._read()
        found = []
        for parts in self._by_reading(self.parts.values()):
            is_whole = not problems_of(parts) and parts[-1].is_last and parts[0].extraction in self.finished
            if parts[0].place in load.subjects and parts[0].span.within(load.span) and is_whole:
                found += [part.raw_id for part in parts if part.page is not None]
        return tuple(sorted(found))

    def published(self, load: Load) -> None:
        trusted = {
            (reading.place, reading.raw_id, reading.span): reading for reading in self._of(load) if reading.is_trusted
        }
        self.out |= trusted
        self.lost -= trusted.keys()

    def truncated(self) -> None:
        self.lost = set(self.out)

    def withheld(self, load: Load) -> Withheld:
        readings = self._of(load)
        if load.is_replay:
            return not_made_up_for((reading.place, reading.span, reading.is_trusted) for reading in readings)
        trusted = {reading.place for reading in readings if reading.is_trusted}
        return {(place, load.span.start, load.span.end) for place in set(load.subjects) - trusted}

    def _of(self, load: Load) -> list[Reading]:
        self._read()
        readings = []
        for parts in self._by_reading(self.parts[raw_id] for raw_id in load.landed):
            if span := parts[0].span.within(load.span):
                readings.append(reading_of(parts, span, load.is_replay))
        return readings

    def _by_reading(self, parts: Iterable[Part]) -> list[list[Part]]:
        groups: dict[tuple[Any, ...], list[Part]] = {}
        for part in sorted(parts, key=lambda part: part.raw_id):
            groups.setdefault((part.place, part.extraction), []).append(part)
        return list(groups.values())

    def rows(self) -> dict[tuple[int, int], Row]:
        """By page and revision."""
        readings = sorted(self.out.values(), key=lambda reading: reading.raw_id)
        rows: dict[tuple[int, int], Row] = {}
        for reading in readings:
            is_lost = (reading.place, reading.raw_id, reading.span) in self.lost
            for _, said in () if is_lost else reading.listed:
                if is_outside(said):
                    continue
                key = (reading.place, said["revid"])
                row = rows.get(key) or Row(0, 0, said, None, None, None, False)
                assert reading.page is not None
                row.newest, row.page, row.said = reading.raw_id, reading.page, said
                row.parent = said.get("parentid", row.parent)
                if not is_unknown(said):
                    row.size, row.sha1 = said["size"], said["sha1"]
                rows[key] = row
        for (place, revid), row in rows.items():
            for reading in readings:
                is_of_it = (reading.place, reading.page) == (place, row.page) and moment(row.said) in reading.span
                if is_of_it and reading.raw_id > row.newest and not reading.lists(revid):
                    row.is_removed, row.newest = True, reading.raw_id
            parent = rows.get((place, row.parent)) if row.parent else None
            before = 0 if row.parent == 0 else parent.size if parent else None
            row.delta = None if row.size is None or before is None else row.size - before
        return rows

    def check_core(self) -> None:
        found = {
            (page, revid): rest
            for page, revid, *rest in self.pipeline.rows(
                "SELECT page_id, revision_id, wikipedia_page_id, parent_id, revision_size_bytes, size_delta_bytes, sha1, "
                "revision_user, revision_comment, is_minor, is_anonymous, is_temporary, removed_at IS NOT NULL FROM core.revision"
            )
        }
        expected = {
            key: [
                row.page, row.parent, row.size, row.delta, row.sha1, row.user, None if row.is_removed else "c",
                row.said["minor"], row.is_anonymous, row.is_temporary, row.is_removed,
            ]
            for key, row in self.rows().items()
        }  # fmt: skip
        compare("core.revision", found, expected)

    def check_marts(self) -> None:
        """Each revision once, of the newest that is said of it under titles of its page; removed ones not at all."""
        present: dict[int, int] = {}
        for reading in sorted(self.out.values(), key=lambda reading: reading.raw_id):
            if reading.page is not None:
                present[reading.place] = reading.page
        counted: dict[int, tuple[int, Row]] = {}
        for (place, revid), row in sorted(self.rows().items(), key=lambda item: (item[1].newest, -item[0][0])):
            counted[revid] = (min(other for other in present if present[other] == present[place]), row)
        days: dict[tuple[int, date], list[Row]] = {}
        for place, row in counted.values():
            if not row.is_removed:
                days.setdefault((place, moment(row.said).date()), []).append(row)
        expected = {key: numbers(rows) for key, rows in days.items()}
        found = {
            (page, day): rest
            for page, day, *rest in self.pipeline.rows(
                "SELECT page_id, revision_date, revision_count, unique_editors, minor_revision_count, "
                "anonymous_revision_count, total_bytes_changed, net_bytes_changed, avg_bytes_per_revision "
                "FROM mart.daily_wikipedia_page_stats"
            )
        }
        compare("the mart", found, expected)

    def _read(self) -> None:
        """What was landed since the last time."""
        for row in self.pipeline.rows(f"{MADE_OF} WHERE id > %s ORDER BY id", max(self.parts, default=0)):
            part = read(row)
            if part.continues and part.page is not None:
                # Nothing else of the page can come between a response and the one that continues it.
                before = [other for other in self.parts.values() if other.place == part.place][-1]
                part = part if same_page(part, before) else replace(part, page=None, is_last=True)
            self.parts[row[0]] = part


def numbers(rows: list[Row]) -> list[Any]:
    deltas = [row.delta for row in rows if row.delta is not None]
    sizes = [row.size for row in rows if row.size is not None]
    mean = (Decimal(sum(sizes)) / len(sizes)).quantize(Decimal("0.01"), ROUND_HALF_UP) if sizes else None
    return [
        len(rows),
        len({row.user for row in rows} - {None}),
        sum(row.said["minor"] for row in rows),
        sum(row.is_anonymous or row.is_temporary for row in rows),
        sum(abs(delta) for delta in deltas),
        sum(deltas),
        mean,
    ]
