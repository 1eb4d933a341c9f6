"""A page's history, invented: a pure function of its page id, plus the edits a test has added."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from sandbox.hashing import Integers, seed, uniform

FIRST_EDIT = int(datetime(2002, 3, 1, tzinfo=UTC).timestamp())
TEMPORARY_ACCOUNTS = int(datetime(2025, 11, 4, tzinfo=UTC).timestamp())
"""Since then an edit without an account is shown under a temporary one, not under an IP."""

PAGE_BITS = 31
ADDED = 1 << 20
"""Number of the first added edit of a page; generated ones are numbered from 0."""

COMMENTS = (
    "",
    "typo",
    "/* History */ copy edit",
    "Reverted 1 edit by [[Special:Contributions/Example|Example]]",
    "added a source <ref>",
    "quotes: \"double\" and 'single', 100% sure; --",
    "clean-up 🧹",
    "+ catégorie",
)
TAGS: tuple[list[str], ...] = ([], [], [], ["visualeditor"], ["mobile edit", "mobile web edit"], ["mw-reverted"])


@dataclass(frozen=True)
class Added:
    """One edit on top of the generated history."""

    second: int
    delta: int
    comment: str = ""


@dataclass(frozen=True)
class History:
    """All edits, in order of (second, revision id); sizes are those after each edit."""

    numbers: Integers
    """The edit's number among its page's, from which all its properties follow."""
    seconds: Integers
    ids: Integers
    sizes: Integers

    def upto(self, second: int) -> int:
        """How many edits there are up to and including that second."""
        return int(np.searchsorted(self.seconds, second, side="right"))


def page_of(revision: int) -> int:
    return revision & ((1 << PAGE_BITS) - 1)


def _shuffled(numbers: Integers, page: int) -> Integers:
    """Swaps some neighbours, so that ids do not rise with time."""
    chance = uniform(np.full(1, seed("swap", page), dtype=np.uint64), numbers >> 1)
    return np.where((chance < 0.1) & (numbers > 1), numbers ^ 1, numbers)


@lru_cache(maxsize=64)
def history(page: int, created: int | None, year: int, added: Sequence[Added]) -> History:
    """Edits from the page's creation to the end of `year`.

    A page made by an event (`created`: its second) has no generated edits after its first.
    """
    seconds, deltas = _generated(page, created, year)
    numbers = _shuffled(np.arange(len(seconds)), page)
    seconds = np.concatenate([seconds, np.array([edit.second for edit in added], dtype=np.int64)])
    deltas = np.concatenate([deltas, np.array([edit.delta for edit in added], dtype=np.int64)])
    numbers = np.concatenate([numbers, ADDED + np.arange(len(added))])
    ids = (numbers << PAGE_BITS) | page
    order = np.lexsort((ids, seconds))
    sizes = np.abs(np.cumsum(deltas[order]))
    return History(numbers[order], seconds[order], ids[order], sizes)


def _generated(page: int, created: int | None, year: int) -> tuple[Integers, Integers]:
    if created is not None:
        return np.array([created]), np.array([40])
    rate = 0.5 * 12 ** (seed("rate", page) % 1000 / 1000)  # edits a day, 0.5 to 6
    start = FIRST_EDIT + seed("created", page) % (30 * 86_400)
    end = int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    count = int((end - start) / 86_400 * rate * 1.2) + 100
    indexes = np.arange(count)
    chance = uniform(np.full(1, seed("gap", page), dtype=np.uint64), indexes)
    gaps = (-np.log1p(-chance) * 86_400 / rate).astype(np.int64)
    gaps[0] = 0
    seconds = start + np.cumsum(gaps)
    lean = uniform(np.full(1, seed("delta", page), dtype=np.uint64), indexes)
    deltas = np.rint(np.tan((lean - 0.49) * 2.9) * 60).astype(np.int64)
    deltas[0] = 400 + seed("first size", page) % 4000
    keep = seconds < end
    return seconds[keep], deltas[keep]


class Edit:
    """What one edit says about itself, drawn from one hash of page and number."""

    def __init__(self, page: int, number: int, second: int, added: Sequence[Added]) -> None:
        self._name = f"{page}:{number}"
        self._number, self._second, self._added = number, second, added
        self._chance = seed("edit", page, number)

    @property
    def comment(self) -> str:
        if self._number >= ADDED:
            return self._added[self._number - ADDED].comment
        return COMMENTS[self._chance % len(COMMENTS)] if self._number else "new page"

    @property
    def minor(self) -> bool:
        return self._number > 0 and self._bits(8) % 5 == 0

    @property
    def tags(self) -> list[str]:
        return list(TAGS[self._bits(16) % len(TAGS)])

    @property
    def sha1(self) -> str:
        return hashlib.sha1(self._name.encode(), usedforsecurity=False).hexdigest()

    @property
    def author(self) -> tuple[str, int, str]:
        """Name, user id, and what kind of user: '' (registered), 'temp' or 'anon'."""
        detail = self._bits(32)
        if self._number and self._bits(24) % 6 == 0:
            if self._second < TEMPORARY_ACCOUNTS:
                return _address(detail), 0, "anon"
            year = datetime.fromtimestamp(self._second, UTC).year
            account = detail % 90_000
            return f"~{year}-{10_000 + account}-{10 + account % 90}", 60_000_000 + account, "temp"
        # The product of two draws: a few editors make most of the edits.
        editor = (detail % 8) * (detail // 8 % 8)
        name = f"Sandbox Bot {editor}" if editor % 7 == 6 else f"Sandbox editor {editor}"
        return name, 1_000 + editor, ""

    def _bits(self, shift: int) -> int:
        return self._chance >> shift


def _address(chance: int) -> str:
    """An address from the ranges set aside for documentation."""
    if chance % 3 == 0:
        return f"2001:DB8:{chance >> 4 & 0xFFFF:X}:0:0:0:0:1"
    return f"203.0.113.{(chance >> 4) % 254 + 1}"
