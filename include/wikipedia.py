"""MediaWiki Action API: revisions of the tracked pages (https://www.mediawiki.org/wiki/API:Revisions)."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.errors import BadAnswer, WarehouseError
from include.landing import parse_json
from include.loads import Load
from include.settings import Settings
from include.source import ApiRequest, BadAnswerDetails, Batch, RawRow
from include.warehouse import Connection, run
from include.windows import Window, until, whole_seconds

NAME = "wikipedia"
LAND = "wikipedia/land.sql"
RAW_TABLE = "raw.wikipedia_pages"
CLEAR_STAGING = ("wikipedia/clear_staging.sql", "wikipedia/clear_staged_pages.sql")
LOCK_SUBJECTS = "wikipedia/lock_pages.sql"
STORED_ANSWERS = "wikipedia/stored_answers.sql"

LONGEST_SLICE = timedelta(days=366)
"""Of one load, so that a window of many years neither outlives the task's timeout nor fails as a whole."""

RETRYABLE_CODES = ("maxlag", "ratelimited", "readonly", "internal_api_error", "unknownerror", "badintegrity")
"""Beginnings of the error codes that pass by themselves (https://www.mediawiki.org/wiki/API:Errors_and_warnings)."""


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


@dataclass(frozen=True)
class PageAnswer:
    """What the conversation needs of an answer: the page's id (None when missing) and how to go on."""

    wikipedia_page_id: int | None
    continuation: dict[str, str] | None


def observable(window: Window, now: datetime) -> Window:
    """The part of the window before now, in whole seconds, the service's clock: later edits are a later window's."""
    return whole_seconds(until(window, now.replace(microsecond=0)))


def plan_batches(
    connection: Connection, window: Window, settings: Settings, names: Sequence[str] | None
) -> list[Batch]:
    """Groups of pages times slices of the window, oldest first."""
    rows = run(connection, "wikipedia/active_pages.sql", {"names": list(names) if names else None}).fetchall()
    if unknown := set(names or ()) - {title for row in rows for title in row[1:]}:
        raise WarehouseError(
            f"not a tracked page: {', '.join(sorted(unknown))}; see core.tracked_page and include/seed_data.yaml"
        )
    if not rows:
        raise WarehouseError(
            "no active page is tracked: add one to include/seed_data.yaml and run `python -m include seed`"
        )
    size = settings.wikipedia_pages_per_batch
    groups = [rows[first : first + size] for first in range(0, len(rows), size)]
    return [
        Batch(tuple(row[0] for row in group), tuple(row[1] for row in group), part)
        for part in window.slices(LONGEST_SLICE)
        for group in groups
    ]


def conversation(connection: Connection, load: Load, now: datetime) -> Generator[ApiRequest, Any, None]:
    """The requests of a load: one page each, continued to its last revision in the window.

    A page is asked for by its title. Where that does not lead to the page id it is known by (moved without a redirect,
    deleted, made a redirect, created anew), it is asked for by its id as well.
    """
    rows = run(connection, "wikipedia/pages_of_load.sql", {"subject_ids": list(load.subject_ids)}).fetchall()
    for page in (Page(*row) for row in rows):
        found = yield from _ask(page, {"titles": page.page_title, "redirects": "1"}, load.window)
        if page.wikipedia_page_id is not None and found != page.wikipedia_page_id:
            yield from _ask(page, {"pageids": str(page.wikipedia_page_id)}, load.window)


def _ask(page: Page, selector: dict[str, str], window: Window) -> Generator[ApiRequest, Any, int | None]:
    continuation: dict[str, str] | None = {}
    continued: list[dict[str, str]] = []
    found: int | None = None
    while continuation is not None:
        answer: PageAnswer = yield _request(page, {**selector, **continuation}, window)
        found, continuation = answer.wikipedia_page_id, answer.continuation
        if continuation in continued:
            raise BadAnswer(f"{page.about}: the wiki continues with the same {continuation} again and again")
        if continuation is not None:
            continued.append(continuation)
    return found


def _request(page: Page, selector: dict[str, str], window: Window) -> ApiRequest:
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
        about=page.about,
        host_fields={"language": page.page_language},
        context=page,
    )


def read(request: ApiRequest, text: str) -> tuple[list[RawRow], PageAnswer]:
    """The whole body as one raw row; errors ride on HTTP 200 here."""
    document = parse_json(text)
    if not isinstance(document, dict):
        raise BadAnswer(f"expected a JSON object, the answer begins {text[:60]!r}")
    if "error" in document:
        raise _bad_answer(document["error"])
    if isinstance(document.get("query"), dict) and "interwiki" in document["query"]:
        advice = "correct it in include/seed_data.yaml and seed again"
        raise BadAnswer(
            f"the title belongs to another wiki: {document['query']['interwiki']}; {advice}", is_retryable=False
        )
    if problem := _problem_of(document):
        raise BadAnswer(problem)
    page = document["query"]["pages"][0]
    found = None if _is_nowhere(page) else page["pageid"]
    return [RawRow(whole(request), text)], PageAnswer(found, document.get("continue"))


def whole(request: ApiRequest) -> dict[str, Any]:
    """The raw columns of an answer."""
    page: Page = request.context
    return {"page_id": page.page_id, "page_title": page.page_title, "page_language": page.page_language}


def problem_of_status(status: int, text: str, now: datetime) -> BadAnswerDetails:
    """What an error status means. A 429 without Retry-After asks for five seconds (Wikimedia's robot policy)."""
    excerpt = " ".join(text[:200].split()) or "no text"
    if status == 429:
        return BadAnswerDetails(f"the wiki refused for now: {excerpt}", True, 5)
    if status == 403:
        advice = "set DW_CONTACT to an address of yours: Wikimedia refuses agents that it cannot reach"
        return BadAnswerDetails(f"the wiki refused access: {excerpt}; {advice}", False)
    if 400 <= status < 500 and status != 408:
        return BadAnswerDetails(f"the wiki refused the request: {excerpt}", False)
    return BadAnswerDetails(f"the wiki failed: {excerpt}", True)


def _bad_answer(error: Any) -> BadAnswer:
    if not isinstance(error, dict):
        return BadAnswer(f"field error is {str(error)[:200]!r}")
    code, info = str(error.get("code")), str(error.get("info"))
    is_retryable = code.startswith(RETRYABLE_CODES)
    return BadAnswer(
        f"the wiki answered {code}: {info}", is_retryable=is_retryable, retry_after=5 if is_retryable else None
    )


def _problem_of(document: dict[str, Any]) -> str | None:
    """What is wrong with an answer, naming the field; None for a good one."""
    pages = document.get("query", {}).get("pages") if isinstance(document.get("query"), dict) else None
    if not isinstance(pages, list) or len(pages) != 1 or not isinstance(pages[0], dict):
        return "field query.pages is not a list of one page"
    page = pages[0]
    if _is_nowhere(page):
        return None
    for field, kind in (("pageid", int), ("ns", int), ("title", str)):
        if type(page.get(field)) is not kind:
            return f"field query.pages[0].{field} is {page.get(field)!r}"
    if not isinstance(page.get("revisions", []), list):
        return "field query.pages[0].revisions is no list"
    for number, revision in enumerate(page.get("revisions", [])):
        if problem := _problem_of_revision(revision):
            return f"field query.pages[0].revisions[{number}]{problem}"
    if "continue" in document and not _is_continuation(document["continue"]):
        return f"field continue is {document['continue']!r}"
    return None


def _is_nowhere(page: dict[str, Any]) -> bool:
    """No page of the wiki: missing, a title it does not allow, or one of its special pages. Reported by the audit."""
    return bool(page.get("missing") or page.get("invalid") or page.get("special"))


def _problem_of_revision(revision: Any) -> str | None:
    if not isinstance(revision, dict):
        return f" is {revision!r}"
    for field in ("revid", "parentid", "size"):
        if type(revision.get(field)) is not int or abs(revision[field]) >= 2**63:
            return f".{field} is {revision.get(field)!r}"
    try:
        datetime.fromisoformat(revision["timestamp"])
    except (KeyError, TypeError, ValueError):
        return f".timestamp is {revision.get('timestamp')!r}"
    return None


def _is_continuation(value: Any) -> bool:
    return isinstance(value, dict) and "rvcontinue" in value and all(isinstance(item, str) for item in value.values())


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
