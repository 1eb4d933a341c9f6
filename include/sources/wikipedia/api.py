"""MediaWiki Action API: revisions of the tracked pages (https://www.mediawiki.org/wiki/API:Revisions)."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, FailFast, Field, TypeAdapter

from include.errors import BadResponse
from include.landing import parse_json
from include.loads import Load
from include.shapes import BIGINT, Identifier, mismatch, shown, time_like
from include.source import ApiRequest, BadResponseDetails, RawRow
from include.subjects import FORBIDDEN_IN_TITLES, PAGES, Page
from include.warehouse import Connection
from include.windows import Window, until, whole_seconds

LONGEST_SLICE = timedelta(days=366)
"""Of one load, so that a window of many years neither outlives the task's timeout nor fails as a whole."""

REFUSED_CODES = ("maxlag", "ratelimited", "readonly")
"""Error codes of a wiki that answers nobody for now (https://www.mediawiki.org/wiki/API:Errors_and_warnings)."""

FAILED_CODES = ("internal_api_error", "unknownerror", "badintegrity")
"""Beginnings of the error codes that pass by themselves, and may come of what was asked for."""

WRONG_CODES = (
    "bad",
    "invalidparam",
    "unknown_",
    "multival",
    "permissiondenied",
    "readapidenied",
    "assert",
    "mustbe",
    "blocked",
)
"""Beginnings of the error codes of a request that is wrong whatever the page. All others are about the page."""

OLD_FORMAT = "as in the old format (formatversion=1), which was not asked for"


class Revision(BaseModel):
    """One revision of a response. The parent is left out where the wiki does not know it."""

    revid: Identifier
    parentid: Annotated[int, Field(ge=0, lt=BIGINT)] = 0
    size: Annotated[int, Field(gt=-BIGINT, lt=BIGINT)]
    timestamp: Annotated[str, time_like("2026-07-16T00:00:00Z")]
    user: str = ""
    comment: str = ""
    sha1: str = ""
    tags: Annotated[list[str], FailFast(), Field(default_factory=list)]
    minor: bool = False
    anon: bool = False
    temp: bool = False
    userhidden: bool = False
    commenthidden: bool = False
    sha1hidden: bool = False


class PageOfResponse(BaseModel):
    """The page that a response tells of; what only a page that is there has is optional."""

    redirect: bool = False
    missing: bool = False
    invalid: bool = False
    special: bool = False
    pageid: Identifier = 1
    ns: Annotated[int, Field(gt=-(2**31), lt=2**31)] = 0
    title: str = ""
    revisions: Annotated[list[Revision], FailFast(), Field(default_factory=list)]


PAGE = TypeAdapter(PageOfResponse)


@dataclass(frozen=True)
class Asked:
    """What a request is for: a page, by its title or by its id; of the responses before, the page's id and the continuations."""

    page: Page
    is_by_id: bool
    leads_to: int | None = None
    continued: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class PageResponse:
    """What the conversation needs of a response: the page's id (None when missing or unreadable) and how to go on."""

    wikipedia_page_id: int | None
    continuation: dict[str, str] | None


def observable(window: Window, now: datetime) -> Window:
    """The part of the window before now, in whole seconds, the service's clock: later edits are a later window's."""
    return whole_seconds(until(window, now.replace(microsecond=0)))


def longest_load(pages: int) -> timedelta:
    """Whatever the pages."""
    return LONGEST_SLICE


def conversation(connection: Connection, load: Load, now: datetime) -> Generator[ApiRequest, Any, None]:
    """The requests of a load: one page each, continued to its last revision in the window.

    A page is asked for by its title. Where that does not lead to the page id it is known by (moved without a redirect,
    deleted, made a redirect, also a circular one, created anew), it is asked for by its id as well. Where it does, what goes wrong
    later is a fault of the reading: a response by id would bring its revisions a second time.
    """
    for page in (Page(*row) for row in PAGES.of_load(connection, load.subject_ids)):
        response = yield from _ask(page, {"titles": page.page_title, "redirects": "1"}, load.window)
        if response and page.wikipedia_page_id not in (None, response.wikipedia_page_id):
            yield from _ask(page, {"pageids": str(page.wikipedia_page_id)}, load.window)


def _ask(page: Page, selector: dict[str, str], window: Window) -> Generator[ApiRequest, Any, PageResponse | None]:
    """The first response, which tells where the selector leads; None when none came. Those that continue it tell of that page."""
    asked = Asked(page, "pageids" in selector)
    first: PageResponse | None = yield _request(asked, selector, window)
    response = first
    while response and response.continuation is not None:
        asked = replace(asked, leads_to=response.wikipedia_page_id, continued=(*asked.continued, response.continuation))
        response = yield _request(asked, {**selector, **response.continuation}, window)
    return first


def _request(asked: Asked, selector: dict[str, str], window: Window) -> ApiRequest:
    return ApiRequest(
        connection_id="mediawiki",
        endpoint="/w/api.php",
        params={
            "action": "query",
            "prop": "info|revisions",
            **selector,
            "rvstart": _timestamp(window.start),
            # Both ends are inclusive and the clock ticks in seconds.
            "rvend": _timestamp(window.end - timedelta(seconds=1)),
            "rvdir": "newer",
            "rvlimit": "max",
            "rvprop": "ids|timestamp|flags|user|userid|size|sha1|comment|tags",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
        },
        window=window,
        about=asked.page.about,
        subject_ids=(asked.page.page_id,),
        host_fields={"language": asked.page.page_language},
        context=asked,
    )


def read(request: ApiRequest, text: str) -> tuple[list[RawRow], PageResponse]:
    """The whole body as one raw row; errors ride on HTTP 200 here, also those that are about the page alone."""
    asked: Asked = request.context
    parsed = parse_json(text)
    document = parsed.value
    if not isinstance(document, dict):
        raise BadResponse(f"expected a JSON object, the response begins {text[:60]!r}")
    problem = parsed.problem or _error_of(document) or _problem_of(document, asked)
    if problem:
        return [RawRow(whole(request), text, problem)], PageResponse(None, None)
    page = document["query"]["pages"][0]
    found = _id_of(page)
    row = RawRow(whole(request), text, makes_up=asked.is_by_id and found is not None)
    return [row], PageResponse(found, document.get("continue"))


def whole(request: ApiRequest) -> dict[str, Any]:
    """The raw columns of a response."""
    page: Page = request.context.page
    return {"page_id": page.page_id, "page_title": page.page_title, "page_language": page.page_language}


def problem_of_status(status: int, text: str, now: datetime) -> BadResponseDetails:
    """What an error status means. A 429 without Retry-After asks for five seconds (Wikimedia's robot policy)."""
    excerpt = " ".join(text[:200].split()) or "no text"
    if status == 429:
        return BadResponseDetails(f"the wiki refused for now: {excerpt}", True, 5, is_of_service=True)
    if status in (401, 403):
        advice = "set DW_CONTACT to an address of yours: Wikimedia refuses agents that it cannot reach"
        return BadResponseDetails(f"the wiki refused access: {excerpt}; {advice}", False, is_of_service=True)
    if 400 <= status < 500 and status != 408:
        # Others than a plain 400 may come of the page: of a language that has no wiki, of a title that is too long.
        return BadResponseDetails(f"the wiki refused the request: {excerpt}", False, is_of_service=status == 400)
    return BadResponseDetails(f"the wiki failed: {excerpt}", True)


def _error_of(document: dict[str, Any]) -> str | None:
    """The error that is about this page, if it is one; raises BadResponse for any other."""
    if "error" not in document:
        return None
    error = document["error"]
    if not isinstance(error, dict):
        raise BadResponse(f"field error is {shown(error)}")
    code, info = str(error.get("code")), str(error.get("info"))
    problem = f"the wiki answered {code}: {info[:400]}"
    if code.startswith(REFUSED_CODES):
        raise BadResponse(problem, retry_after=5, is_of_service=True)
    if code.startswith(FAILED_CODES):
        raise BadResponse(problem)
    if code.startswith(WRONG_CODES):
        raise BadResponse(problem, is_retryable=False, is_of_service=True)
    return problem


def _problem_of(document: dict[str, Any], asked: Asked) -> str | None:
    """What is wrong with a response, naming the field; None for a good one: one that sql/wikipedia can read."""
    query = document.get("query")
    if not isinstance(query, dict):
        return "field query is missing: the wiki did not take the title for one"
    if "pages" not in query:
        return _problem_without_page(query)
    pages = query["pages"]
    if isinstance(pages, dict):
        return f"field query.pages is an object, {OLD_FORMAT}"
    if not isinstance(pages, list) or len(pages) != 1 or not isinstance(pages[0], dict):
        return "field query.pages is not a list of one page"
    if problem := _problem_of_page(pages[0]):
        return problem
    if asked.continued and _id_of(pages[0]) != asked.leads_to:
        return f"the response continues with page {_id_of(pages[0])}, it began with page {asked.leads_to} of the wiki"
    if "continue" not in document:
        return None
    if not _is_continuation(document["continue"]):
        return f"field continue is {shown(document['continue'])}"
    if document["continue"] in asked.continued:
        return f"the wiki continues with the same {shown(document['continue'])} again and again"
    return None


def _problem_without_page(query: dict[str, Any]) -> str:
    advice = "correct the title in include/seed_data.yaml and seed again"
    if "interwiki" in query:
        return f"the title belongs to another wiki: {shown(query['interwiki'])}; {advice}"
    if "redirects" in query:
        return f"the title redirects in a circle: {shown(query['redirects'])}; {advice}, or wait until the wiki is corrected"
    return "field query.pages is missing"


def _problem_of_page(page: dict[str, Any]) -> str | None:
    if problem := mismatch(PAGE, page, "query.pages[0]"):
        is_of_old = problem.kind == "bool_type" and problem.value == ""
        return f"field {problem.field} is '', {OLD_FORMAT}" if is_of_old else str(problem)
    # The wiki does not tell the title of a page that it was asked for by its id and does not have.
    needed = () if _is_nowhere(page) else ("title", "ns", "pageid")
    if lacking := [name for name in needed if name not in page]:
        return f"field query.pages[0].{lacking[0]} is missing"
    if "title" in page and not page["title"]:
        return "field query.pages[0].title is empty"
    # It is what the page is asked for by next.
    if forbidden := sorted(FORBIDDEN_IN_TITLES & set(page.get("title", ""))):
        return f"field query.pages[0].title is {shown(page['title'])}, with {forbidden[0]!r}, which no title of a wiki holds"
    return None


def _id_of(page: dict[str, Any]) -> int | None:
    """The wiki's id of the page; None where it has no such page."""
    return None if _is_nowhere(page) else page["pageid"]


def _is_nowhere(page: dict[str, Any]) -> bool:
    """No page of the wiki: missing, a title it does not allow, or one of its special pages. Reported by the audit."""
    return bool(page.get("missing") or page.get("invalid") or page.get("special"))


def _is_continuation(value: Any) -> bool:
    return isinstance(value, dict) and "rvcontinue" in value and all(isinstance(item, str) for item in value.values())


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
