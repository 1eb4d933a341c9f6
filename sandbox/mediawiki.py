"""MediaWiki's Action API: `action=query` with `prop=info|revisions`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.limits import Queue, RequestRate
from sandbox.mediawiki_query import ApiError, Query, parse
from sandbox.messages import Request, Response
from sandbox.revision_rows import page_rows, row, stamp
from sandbox.revisions import History, page_of
from sandbox.wiki_pages import Page, Wiki, namespace_of, normalize

SERVER = "sandbox"
Body = dict[str, Any]


class MediaWiki:
    PATH = "/w/api.php"

    def __init__(self, clock: Callable[[], datetime], limits: bool) -> None:
        self._clock = clock
        self.limits = limits
        self.wiki = Wiki()
        self.rate = RequestRate(clock)
        self.queue = Queue(0)

    def too_many(self, retry_after: int) -> Response:
        return Response.text("You are making too many requests.", 429, headers={"Retry-After": str(retry_after)})

    def answer(self, request: Request) -> Response:
        agent = request.headers.get("User-Agent", "").strip()
        if not agent or agent.startswith("python-requests"):
            return Response.text("Please set a user-agent and respect our robot policy https://w.wiki/4wJS.", 403)
        if self.limits and (wait := self.rate.retry_after(request)) is not None:
            return self.too_many(wait)
        if request.params.get("format") != "json":
            return Response.text("<html><body><p>Add format=json for JSON.</p></body></html>", kind="text/html")
        modern = request.params.get("formatversion", "1") in ("2", "latest")
        try:
            body = self._body(parse(request.params))
        except ApiError as error:
            return _error(error)
        return Response.of(body if modern else _classic(body), ascii_only=not modern)

    def _body(self, query: Query) -> Body:
        now = self._clock()
        found = _Found(self.wiki, query, now)
        pages = [entry if isinstance(entry, dict) else self._info(entry, query, now) for entry in found.entries]
        following = None
        if "revisions" in query.props:
            following = self._add_revisions(found.entries, pages, query, now)
        body: Body = {}
        if following is None:
            body["batchcomplete"] = True
        else:
            body["continue"] = {"rvcontinue": following, "continue": "||"}
        if query.warnings:
            body["warnings"] = {module: {"warnings": "\n".join(texts)} for module, texts in query.warnings.items()}
        body["query"] = {**found.notes, "pages": pages}
        return body

    def _info(self, page: Page, query: Query, now: datetime) -> Body:
        body: Body = {"pageid": page.page_id, "ns": page.namespace, "title": page.title}
        if "info" not in query.props:
            return body
        history = page.history(now)
        last = history.upto(int(now.timestamp())) - 1
        body |= LANGUAGE | {
            "touched": stamp(int(history.seconds[last])),
            "lastrevid": int(history.ids[last]),
            "length": int(history.sizes[last]),
        }
        return body | ({"redirect": True} if page.target else {})

    def _add_revisions(
        self, entries: Sequence[Page | Body], pages: Sequence[Body], query: Query, now: datetime
    ) -> str | None:
        """Puts each page's rows into its object; where to go on, when there are more."""
        following = None
        for entry, body in zip(entries, pages, strict=True):
            if isinstance(entry, dict):
                continue
            history = entry.history(now)
            if query.revids:
                indexes = [index for revid in query.revids if (index := _index(history, revid)) is not None]
            else:
                indexes, following = page_rows(history, query, int(now.timestamp()))
            rows = [row(entry, history, index, query.rvprops, self.wiki.hidden_users) for index in indexes]
            # A page without a revision in the window has no such key at all.
            if rows:
                body["revisions"] = rows
        return following


LANGUAGE: Body = {
    "contentmodel": "wikitext",
    "pagelanguage": "en",
    "pagelanguagehtmlcode": "en",
    "pagelanguagedir": "ltr",
}


class _Found:
    """What the request's titles, page ids or revision ids lead to: pages, or objects that say what is wrong."""

    def __init__(self, wiki: Wiki, query: Query, now: datetime) -> None:
        self.wiki = wiki
        self.query = query
        self.now = now
        self.entries: list[Page | Body] = []
        self.notes: Body = {}
        for title in query.titles:
            self._add_title(title)
        for page_id in query.pageids:
            page = wiki.by_id(page_id)
            self._add(self._follow(page) if page else {"missing": True, "pageid": page_id})
        for revid in query.revids:
            self._add_revision(revid)

    def _add(self, entry: Page | Body) -> None:
        if entry not in self.entries:
            self.entries.append(entry)

    def _add_title(self, given: str) -> None:
        title = normalize(given)
        if title is None:
            reason = f'The requested page title contains invalid characters: "{given[:1]}".'
            self._add({"title": given, "invalidreason": reason, "invalid": True})
            return
        if title != given:
            self._note("normalized", {"fromencoded": False, "from": given, "to": title})
        page = self.wiki.find(title)
        self._add(self._follow(page) if page else self._absent(title))

    def _absent(self, title: str) -> Body:
        body: Body = {"ns": namespace_of(title), "title": title, "missing": True}
        return body | LANGUAGE if "info" in self.query.props else body

    def _follow(self, page: Page) -> Page | Body:
        """Along redirects when asked to; a circle ends where it would begin again."""
        seen = {page.title}
        while self.query.redirects and page.target and page.target not in seen:
            self._note("redirects", {"from": page.title, "to": page.target})
            seen.add(page.target)
            target = self.wiki.find(page.target)
            if target is None:
                return self._absent(page.target)
            page = target
        return page

    def _add_revision(self, revid: int) -> None:
        page = self.wiki.by_id(page_of(revid))
        if page is None or _index(page.history(self.now), revid) is None:
            self.notes.setdefault("badrevids", {})[str(revid)] = {"revid": revid, "missing": True}
            return
        self._add(page)

    def _note(self, kind: str, note: Body) -> None:
        if note not in self.notes.setdefault(kind, []):
            self.notes[kind].append(note)


def _index(history: History, revid: int) -> int | None:
    places = (history.ids == revid).nonzero()[0]
    return int(places[0]) if len(places) else None


def _error(error: ApiError) -> Response:
    body = {"error": {"code": error.code, "info": error.info, **error.details}, "servedby": SERVER}
    return Response.of(body, headers={"MediaWiki-API-Error": error.code, **error.headers})


def _classic(body: Body) -> Body:
    """formatversion=1: pages keyed by id, true as an empty string, false left out, warnings under `*`."""
    plain: Body = _plain(body)
    query = plain["query"]
    absent = iter(range(-1, -1000, -1))
    query["pages"] = {str(page.get("pageid", "")) or str(next(absent)): page for page in query["pages"]}
    for entry in query.get("normalized", []):
        entry.pop("fromencoded", None)
    if "warnings" in plain:
        plain["warnings"] = {module: {"*": texts["warnings"]} for module, texts in plain["warnings"].items()}
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: "" if item is True else _plain(item) for key, item in value.items() if item is not False}
    return [_plain(item) for item in value] if isinstance(value, list) else value
