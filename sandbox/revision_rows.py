"""Which of a page's revisions a request gets, and what each row says."""

from collections.abc import Collection
from datetime import UTC, datetime
from html import escape
from typing import Any

from sandbox.mediawiki_query import Query
from sandbox.revisions import Edit, History
from sandbox.wiki_pages import Page


def stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def continuation(second: int, revid: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%d%H%M%S") + f"|{revid}"


def page_rows(history: History, query: Query, now: int) -> tuple[list[int], str | None]:
    """Positions of the rows in the history, and the `rvcontinue` of the first one left out."""
    low, high = (query.start, query.end) if query.newer else (query.end, query.start)
    first = 0 if low is None else history.upto(low - 1)
    last = history.upto(now if high is None else min(high, now))
    if query.after is not None:
        at = _position(history, query.after)
        first, last = (max(first, at), last) if query.newer else (first, min(last, at + 1))
    span = range(first, last) if query.newer else range(last - 1, first - 1, -1)
    following = None
    if query.enumerating and len(span) > query.limit:
        index = span[query.limit]
        following = continuation(int(history.seconds[index]), int(history.ids[index]))
    return list(span[: query.limit]), following


def _position(history: History, after: tuple[int, int]) -> int:
    """Where the row of that second and id stands, or would stand."""
    second, revid = after
    at = history.upto(second - 1)
    while at < len(history.ids) and history.seconds[at] == second and history.ids[at] < revid:
        at += 1
    return at


def row(page: Page, history: History, index: int, props: frozenset[str], hidden: Collection[int]) -> dict[str, Any]:
    """One revision, keys in MediaWiki's order."""
    revid, second = int(history.ids[index]), int(history.seconds[index])
    edit = Edit(page.page_id, int(history.numbers[index]), second, page.added)
    name, user_id, kind = edit.author
    is_hidden = revid in hidden
    body: dict[str, Any] = {}
    if "ids" in props:
        body |= {"revid": revid, "parentid": int(history.ids[index - 1]) if index else 0}
    if kind and not is_hidden and props & {"user", "userid"}:
        body[kind] = True
    if "flags" in props:
        body["minor"] = edit.minor
    if is_hidden and props & {"user", "userid"}:
        body["userhidden"] = True
    elif "user" in props:
        body["user"] = name
    if "userid" in props and not is_hidden:
        body["userid"] = user_id
    if "timestamp" in props:
        body["timestamp"] = stamp(second)
    if "size" in props:
        body["size"] = int(history.sizes[index])
    if "sha1" in props:
        body["sha1"] = edit.sha1
    if "comment" in props:
        body["comment"] = edit.comment
    if "parsedcomment" in props:
        body["parsedcomment"] = escape(edit.comment, quote=False)
    if "tags" in props:
        body["tags"] = edit.tags
    return body
