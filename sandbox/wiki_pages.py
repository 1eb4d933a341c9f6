"""Which pages there are, and what has happened to them: every title exists until an event says otherwise."""

import re
import threading
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sandbox import revisions
from sandbox.hashing import seed
from sandbox.revisions import Added, History

NAMESPACES = {
    1: "Talk",
    2: "User",
    3: "User talk",
    4: "Wikipedia",
    5: "Wikipedia talk",
    6: "File",
    10: "Template",
    12: "Help",
    14: "Category",
    100: "Portal",
    118: "Draft",
}
NUMBERS = {name.casefold(): number for number, name in NAMESPACES.items()}
ABSENT = "nonexistent"
ILLEGAL = re.compile(r"[<>\[\]{}|\x00-\x1f\x7f]")


@dataclass
class Page:
    page_id: int
    title: str
    target: str | None = None
    created: int | None = None
    added: tuple[Added, ...] = ()

    @property
    def namespace(self) -> int:
        return namespace_of(self.title)

    def history(self, now: datetime) -> History:
        return revisions.history(self.page_id, self.created, now.year, self.added)


def namespace_of(title: str) -> int:
    prefix, colon, _ = title.partition(":")
    return NUMBERS.get(prefix.casefold(), 0) if colon else 0


def normalize(title: str) -> str | None:
    """The title as the wiki writes it; None for one it cannot have."""
    text = unicodedata.normalize("NFC", title).partition("#")[0]
    text = re.sub(r"[\s_]+", " ", text).strip()
    if not text or ILLEGAL.search(text) or len(text.encode()) > 255:
        return None
    prefix, colon, rest = text.partition(":")
    number = NUMBERS.get(prefix.strip().casefold())
    if not colon or number is None:
        return _capital(text)
    return f"{NAMESPACES[number]}:{_capital(rest.strip())}" if rest.strip() else None


def _capital(text: str) -> str:
    first = text[0].upper()
    return (first if len(first) == 1 else text[0]) + text[1:]


class Wiki:
    """The pages in memory; titles are given as a user would type them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._by_title: dict[str, Page | None] = {}
            self._by_id: dict[int, Page] = {}
            self.hidden_users: set[int] = set()

    def find(self, title: str) -> Page | None:
        """The page of a normalised title; None when there is none."""
        with self._lock:
            if title not in self._by_title:
                exists = ABSENT not in title.casefold().replace(" ", "")
                self._put(Page(self._free_id(title), title)) if exists else self._by_title.update({title: None})
            return self._by_title[title]

    def by_id(self, page_id: int) -> Page | None:
        """Only pages asked for by title before are known by their id."""
        with self._lock:
            return self._by_id.get(page_id)

    def require(self, title: str) -> Page:
        name = normalize(title)
        page = self.find(name) if name else None
        if page is None:
            raise ValueError(f"There is no page {title!r}.")
        return page

    def move(self, old: str, new: str, now: datetime, leave_redirect: bool) -> Page:
        """The page keeps its id and its history, and gets one edit that changes nothing."""
        name = normalize(new)
        if name is None:
            raise ValueError(f"No page can have the title {new!r}.")
        with self._lock:
            page = self.require(old)
            former, second = page.title, int(now.timestamp())
            self.delete(name)
            page.title = name
            page.added += (Added(second, 0, f"moved page [[{former}]] to [[{name}]]"),)
            self._put(page)
            self._by_title[former] = None
            if leave_redirect:
                self._put(Page(self._free_id(f"{former}\x00{second}"), former, name, second))
            return page

    def delete(self, title: str) -> None:
        with self._lock:
            name = normalize(title) or title
            page = self._by_title.get(name)
            if page is not None:
                del self._by_id[page.page_id]
            self._by_title[name] = None

    def redirect(self, title: str, target: str, now: datetime) -> None:
        with self._lock:
            page, goal = self.require(title), self.require(target)
            page.target = goal.title
            page.added += (Added(int(now.timestamp()), 0, f"Redirected page to [[{goal.title}]]"),)

    def change_namespace(self, title: str, namespace: int, now: datetime) -> Page:
        with self._lock:
            page = self.require(title)
            bare = page.title.partition(":")[2] if page.namespace else page.title
            new = f"{NAMESPACES[namespace]}:{bare}" if namespace else bare
            return self.move(title, new, now, leave_redirect=False)

    def add(self, title: str, edits: tuple[Added, ...]) -> Page:
        with self._lock:
            page = self.require(title)
            page.added += edits
            return page

    def _put(self, page: Page) -> None:
        self._by_title[page.title] = page
        self._by_id[page.page_id] = page

    def _free_id(self, name: str) -> int:
        """A page id that depends on the title alone, short of a collision."""
        page_id = 1 + seed("page", name) % ((1 << revisions.PAGE_BITS) - 2)
        while page_id in self._by_id:
            page_id += 1
        return page_id
