"""MediaWiki: the requests of a load, how they go on, and what is made of the responses."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from include.errors import BadResponse, WarehouseError
from include.loads import Load
from include.source import ApiRequest
from include.sources.wikipedia import SOURCE
from include.sources.wikipedia import api as wikipedia
from include.sources.wikipedia.api import PageResponse, problem_of_status, read
from include.windows import Window
from tests.unit.support import fake_connection, utc

NOW = utc("2026-11-20T12:30")
WINDOW = Window(utc("2026-11-18"), utc("2026-11-19"))
NEW_ENGLAND = (3, "New England", "en", 21531764)
NEVER_SEEN = (4, "Boston", "de", None)


def converse(*pages: tuple[Any, ...], window: Window = WINDOW) -> Any:
    """The conversation of a load of these pages."""
    load = Load(1, 1, tuple(page[0] for page in pages), window)
    return wikipedia.conversation(fake_connection(*pages), load, NOW)


def sent(request: ApiRequest) -> dict[str, str]:
    """The parameters as the wiki reads them from the query string."""
    return dict(parse_qsl(request.query, keep_blank_values=True, strict_parsing=True))


def revision(**fields: Any) -> dict[str, Any]:
    return {"revid": 11, "parentid": 10, "timestamp": "2026-11-18T01:02:03Z", "size": 5, **fields}


def body(page: dict[str, Any], **more: Any) -> str:
    return json.dumps({"query": {"pages": [{"pageid": 21531764, "ns": 0, "title": "New England", **page}]}, **more})


def problem_of(request: ApiRequest, text: str) -> str | None:
    """What is wrong with the response for the page; the conversation is told of no page then."""
    (row,), response = read(request, text)
    assert row.payload == text
    assert not row.problem or (not row.makes_up and response == PageResponse(None, None))
    return row.problem


@pytest.fixture
def request_() -> ApiRequest:
    """A request for New England."""
    first: ApiRequest = next(converse(NEW_ENGLAND))
    return first


def test_a_request_asks_for_one_page_and_exactly_the_window(request_: ApiRequest) -> None:
    assert (request_.connection_id, request_.endpoint) == ("mediawiki", "/w/api.php")
    assert request_.host_fields == {"language": "en"}
    assert request_.about == "page en:New England"
    parameters = sent(request_)
    assert set(parameters.pop("rvprop").split("|")) == {
        "ids", "timestamp", "flags", "user", "userid", "size", "sha1", "comment", "tags"
    }  # fmt: skip
    assert parameters == {
        "action": "query",
        "prop": "info|revisions",
        "titles": "New England",
        "redirects": "1",
        "rvstart": "2026-11-18T00:00:00Z",
        "rvend": "2026-11-18T23:59:59Z",
        "rvdir": "newer",
        "rvlimit": "max",
        "format": "json",
        "formatversion": "2",
        "maxlag": "5",
    }


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("2024-02-29", "2024-03-01", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59Z"),
        ("2026-11-18T10:20:30", "2026-11-18T10:20:31", "2026-11-18T10:20:30Z", "2026-11-18T10:20:30Z"),
        ("2026-12-31T23:00", "2027-01-01", "2026-12-31T23:00:00Z", "2026-12-31T23:59:59Z"),
    ],
)
def test_the_last_second_asked_for_is_one_before_the_end(start: str, end: str, first: str, last: str) -> None:
    parameters = sent(next(converse(NEW_ENGLAND, window=Window(utc(start), utc(end)))))
    assert (parameters["rvstart"], parameters["rvend"]) == (first, last)


def test_windows_that_meet_within_a_second_leave_no_revision_out() -> None:
    cut = utc("2026-11-18T12:00:10.500")
    halves = [Window(WINDOW.start, cut), Window(cut, WINDOW.end)]
    requests = [sent(next(converse(NEW_ENGLAND, window=wikipedia.observable(half, NOW)))) for half in halves]
    gap = utc(requests[1]["rvstart"].removesuffix("Z")) - utc(requests[0]["rvend"].removesuffix("Z"))
    assert gap == timedelta(seconds=1)
    assert wikipedia.observable(halves[1], NOW).start <= utc(requests[1]["rvstart"].removesuffix("Z"))


@pytest.mark.parametrize(
    "title",
    [
        "St. Louis",
        "AC/DC",
        "C&A",
        "C++",
        "100%",
        "%2C",
        "What? #no",
        "Bobby'); DROP TABLE core.revision; --",
        'The "quoted" one',
        "a=b&titles=c",
        "User:X, the 2nd",
        "Zürich",
        "😀",
        "{language}",
        "東京",
    ],
)
def test_odd_titles_arrive_as_they_are(title: str) -> None:
    request = next(converse((5, title, "en", None)))
    assert sent(request)["titles"] == title
    assert [name for name, _ in parse_qsl(request.query)].count("titles") == 1
    assert request.query.isascii() and " " not in request.query


def test_a_conversation_is_one_request_a_page_when_the_titles_lead_where_they_should() -> None:
    talk = converse(NEW_ENGLAND, NEVER_SEEN)
    assert sent(next(talk))["titles"] == "New England"
    request = talk.send(PageResponse(21531764, None))
    assert (sent(request)["titles"], request.host_fields) == ("Boston", {"language": "de"})
    with pytest.raises(StopIteration):
        talk.send(PageResponse(99, None))


def test_a_conversation_is_over_before_it_begins_without_pages() -> None:
    assert list(converse()) == []


def test_a_continuation_is_followed_with_all_it_says() -> None:
    talk = converse(NEW_ENGLAND)
    first = sent(next(talk))
    for stamp in ("20261118010203|11", "20261118020304|12"):
        go_on = {"rvcontinue": stamp, "continue": "||"}
        assert sent(talk.send(PageResponse(21531764, go_on))) == {**first, **go_on}
    with pytest.raises(StopIteration):
        talk.send(PageResponse(21531764, None))


@pytest.mark.parametrize("length", [1, 2])
def test_continuations_that_go_in_a_circle_are_the_problem_of_the_page(length: int) -> None:
    talk = converse(NEVER_SEEN)
    request = next(talk)
    circle = [{"rvcontinue": f"20261118010203|{number}", "continue": "||"} for number in range(length)]
    for go_on in circle:
        assert problem_of(request, body({}, **{"continue": go_on})) is None
        request = talk.send(PageResponse(21531764, go_on))
    problem = problem_of(request, body({}, **{"continue": circle[0]}))
    assert problem is not None and "20261118010203|0" in problem and "again and again" in problem


def test_a_page_without_a_response_is_left_and_the_next_one_asked_for() -> None:
    talk = converse(NEW_ENGLAND, NEVER_SEEN)
    next(talk)
    assert sent(talk.send(None))["titles"] == "Boston"


@pytest.mark.parametrize("found", [pytest.param(None, id="missing"), pytest.param(77, id="leads-elsewhere")])
def test_a_page_whose_title_is_lost_is_asked_for_by_its_id_too(found: int | None) -> None:
    talk = converse(NEW_ENGLAND, NEVER_SEEN)
    by_title = sent(next(talk))
    request = talk.send(PageResponse(found, None))
    assert read(request, body({}))[0][0].makes_up
    assert not read(request, json.dumps({"query": {"pages": [{"title": "New England", "missing": True}]}}))[0][
        0
    ].makes_up
    by_id = sent(request)
    assert by_id.pop("pageids") == "21531764"
    assert by_id == {name: value for name, value in by_title.items() if name not in ("titles", "redirects")}
    assert request.about == "page en:New England"
    # Continued by its id; wherever that leads, the next page follows.
    more = talk.send(PageResponse(21531764, {"rvcontinue": "20261118010203|11", "continue": "||"}))
    assert sent(more)["pageids"] == "21531764" and "titles" not in sent(more)
    assert sent(talk.send(PageResponse(None, None)))["titles"] == "Boston"


@pytest.mark.parametrize("end", [PageResponse(None, None), None], ids=["malformed", "no-response"])
def test_a_page_that_its_title_led_to_is_not_asked_for_by_its_id(end: PageResponse | None) -> None:
    """However the response goes on: what came of it would be there twice."""
    talk = converse(NEW_ENGLAND, NEVER_SEEN)
    next(talk)
    talk.send(PageResponse(21531764, {"rvcontinue": "20261118010203|11", "continue": "||"}))
    assert sent(talk.send(end))["titles"] == "Boston"


@pytest.mark.parametrize("page", [{"pageid": 77}, {"pageid": 21531764, "missing": True}])
def test_a_continuation_that_tells_of_another_page_is_the_problem_of_the_page(page: dict[str, Any]) -> None:
    talk = converse(NEW_ENGLAND)
    next(talk)
    request = talk.send(PageResponse(21531764, {"rvcontinue": "20261118010203|11", "continue": "||"}))
    assert problem_of(request, body({})) is None
    problem = problem_of(request, body(page))
    assert problem is not None and "continues" in problem and "21531764" in problem


def test_a_page_that_was_never_seen_has_no_id_to_ask_for() -> None:
    talk = converse(NEVER_SEEN)
    next(talk)
    with pytest.raises(StopIteration):
        talk.send(PageResponse(None, None))


def test_batches_are_groups_of_pages_times_slices_oldest_first() -> None:
    rows = [(number, f"Page {number}", None) for number in range(1, 4)]
    window = Window(utc("2025-01-01"), utc("2026-02-01"))
    batches = SOURCE.plan_batches(fake_connection(*rows), window, 2, None)
    assert [(batch.subject_ids, batch.label) for batch in batches] == [
        ((1, 2), "Page 1 and 1 more · [2025-01-01, 2026-01-02) UTC"),
        ((3,), "Page 3 · [2025-01-01, 2026-01-02) UTC"),
        ((1, 2), "Page 1 and 1 more · [2026-01-02, 2026-02-01) UTC"),
        ((3,), "Page 3 · [2026-01-02, 2026-02-01) UTC"),
    ]


def plan(rows: list[tuple[Any, ...]], names: list[str] | None) -> list[Any]:
    return SOURCE.plan_batches(fake_connection(*rows), WINDOW, 25, names)


@pytest.mark.parametrize(
    ("rows", "names", "said"),
    [
        ([], None, "no active page is tracked; add one"),
        ([], ["Bostn", "Atlantis"], "not a tracked page: Atlantis, Bostn; see"),
        ([(3, "New England", None)], ["New England", "Atlantis"], "not a tracked page: Atlantis; see"),
    ],
)
def test_names_that_are_not_tracked_are_refused_by_name(rows: list[Any], names: list[str] | None, said: str) -> None:
    with pytest.raises(WarehouseError, match=said):
        plan(rows, names)


@pytest.mark.parametrize("name", ["Constantinople", "Istanbul"])
def test_a_page_is_known_by_its_tracked_and_its_present_title(name: str) -> None:
    (batch,) = plan([(3, "Constantinople", "Istanbul")], [name])
    assert batch.subject_ids == (3,)


def test_a_good_response_is_one_raw_row_as_it_came(request_: ApiRequest) -> None:
    go_on = {"rvcontinue": "20261118010203|11", "continue": "||"}
    text = " " + body({"revisions": [revision(), revision(userhidden=True, minor=True)]}, **{"continue": go_on}) + "\n"
    rows, response = read(request_, text)
    assert [(row.payload, row.columns) for row in rows] == [(text, wikipedia.whole(request_))]
    assert wikipedia.whole(request_) == {"page_id": 3, "page_title": "New England", "page_language": "en"}
    assert response == PageResponse(21531764, go_on)


def test_a_window_without_a_revision_is_a_good_response(request_: ApiRequest) -> None:
    assert read(request_, body({}, batchcomplete=True))[1] == PageResponse(21531764, None)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({"title": "New|England"}, "field query.pages[0].title is 'New|England'"),
        ({"title": "New England#History"}, "field query.pages[0].title is 'New England#History'"),
        ({"title": "a\nb"}, "which no title of a wiki holds"),
        ({"revisions": {}}, "field query.pages[0].revisions is {}: input should be a valid list"),
        ({"revisions": [revision(), 7]}, "field query.pages[0].revisions[1] is 7"),
        ({"revisions": [revision(revid="11")]}, "revisions[0].revid is '11'"),
        ({"revisions": [revision(revid=2**63)]}, "revisions[0].revid is 9223372036854775808"),
        ({"revisions": [revision(revid=0)]}, "revisions[0].revid is 0"),
        ({"revisions": [revision(), revision(parentid=None)]}, "revisions[1].parentid is None"),
        ({"revisions": [revision(parentid=-1)]}, "revisions[0].parentid is -1"),
        ({"revisions": [revision(size=1.5)]}, "revisions[0].size is 1.5"),
        ({"revisions": [revision(size=True)]}, "revisions[0].size is True"),
        ({"revisions": [revision(size=-(2**63))]}, "revisions[0].size is -9223372036854775808"),
        *(
            ({"revisions": [revision(timestamp=text)]}, f"revisions[0].timestamp is {text!r}")
            for text in (
                "yesterday", None, 7, "2026-11-18", "2026-11-18T01:02:03", "2026-11-18T01:02:03+00:00", "2026-W47-3T01:02:03Z",
                "2026-11-18T01:02Z", "2026-11-18T01:02:03.5Z", "2026-11-31T01:02:03Z", "2026-11-18T24:00:00Z",
            )
        ),
        ({"revisions": [{"revid": 1, "parentid": 0, "size": 1}]}, "revisions[0].timestamp is missing"),
        ({"revisions": [revision(minor="")]}, "revisions[0].minor is '', as in the old format (formatversion=1)"),
        ({"revisions": [revision(anon="true")]}, "revisions[0].anon is 'true'"),
        ({"revisions": [revision(userhidden=1)]}, "revisions[0].userhidden is 1"),
        ({"revisions": [revision(temp=None)]}, "revisions[0].temp is None"),
        ({"revisions": [revision(user=None)]}, "revisions[0].user is None"),
        ({"revisions": [revision(user=[1])]}, "revisions[0].user is [1]"),
        ({"revisions": [revision(comment={})]}, "revisions[0].comment is {}"),
        ({"revisions": [revision(sha1=7)]}, "revisions[0].sha1 is 7"),
        ({"revisions": [revision(tags="x")]}, "revisions[0].tags is 'x'"),
        ({"revisions": [revision(tags=["x", 1])]}, "revisions[0].tags[1] is 1"),
        ({"pageid": "21531764"}, "field query.pages[0].pageid is '21531764'"),
        ({"pageid": 2**70}, f"field query.pages[0].pageid is {2**70}"),
        ({"pageid": 0}, "field query.pages[0].pageid is 0"),
        ({"ns": None}, "field query.pages[0].ns is None"),
        ({"ns": 2**31}, "field query.pages[0].ns is 2147483648"),
        ({"title": 7}, "field query.pages[0].title is 7"),
        ({"title": ""}, "field query.pages[0].title is empty"),
        ({"redirect": ""}, "field query.pages[0].redirect is '', as in the old format (formatversion=1)"),
        ({"missing": ""}, "field query.pages[0].missing is '', as in the old format (formatversion=1)"),
        ({"missing": True, "ns": "0"}, "field query.pages[0].ns is '0'"),
        ({"title": "x" * 5000, "pageid": "y" * 5000}, "field query.pages[0].pageid is 'yyy"),
    ],
)  # fmt: skip
def test_a_response_that_is_not_what_was_asked_for_is_the_problem_of_the_page_by_field(
    request_: ApiRequest, page: dict[str, Any], said: str
) -> None:
    problem = problem_of(request_, body(page))
    assert problem is not None and said in problem and len(problem) < 300


def test_what_is_left_out_of_a_revision_is_not_a_problem(request_: ApiRequest) -> None:
    spare = revision(user="New", comment="", sha1="", tags=[], minor=False, size=-7)
    del spare["parentid"]
    assert problem_of(request_, body({"revisions": [spare]})) is None


@pytest.mark.parametrize(
    "go_on",
    [
        None,
        {},
        "||",
        ["rvcontinue"],
        {"continue": "||"},
        {"rvcontinue": 7},
        {"rvcontinue": None},
        {"rvcontinue": "", "a": 1},
    ],
)
def test_a_continuation_of_another_form_is_the_problem_of_the_page(request_: ApiRequest, go_on: Any) -> None:
    assert problem_of(request_, body({}, **{"continue": go_on})) == f"field continue is {go_on!r}"


LOOP = [{"from": "A", "to": "B"}, {"from": "B", "to": "A"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "field query is missing"),
        ('{"query": []}', "field query is missing"),
        ('{"query": {}}', "field query.pages is missing"),
        ('{"query": {"pages": []}}', "field query.pages is not a list of one page"),
        ('{"query": {"pages": [{}, {}]}}', "field query.pages is not a list of one page"),
        ('{"query": {"pages": [null]}}', "field query.pages is not a list of one page"),
        ('{"query": {"pages": {"7": {}}}}', "field query.pages is an object, as in the old format (formatversion=1)"),
        ('{"query": {"pages": NaN}}', "the response holds NaN"),
        ('{"query": {"pages": ["\\u0000"]}}', "the response holds the character \\u0000"),
        (json.dumps({"query": {"redirects": LOOP}}), "the title redirects in a circle: [{'from': 'A', 'to': 'B'}"),
        (
            json.dumps({"query": {"interwiki": [{"title": "wikt:foo", "iw": "wikt"}], "redirects": LOOP}}),
            "the title belongs to another wiki: [{'title': 'wikt:foo', 'iw': 'wikt'}]",
        ),
        ('{"error": {"code": "invalidtitle", "info": "Bad title."}}', "the wiki answered invalidtitle: Bad title."),
        ('{"error": {"code": "cantdothat", "info": "New."}}', "the wiki answered cantdothat: New."),
    ],
)
def test_a_response_without_a_page_is_the_problem_of_the_page(request_: ApiRequest, text: str, said: str) -> None:
    problem = problem_of(request_, text)
    assert problem is not None and said in problem
    assert ("seed_data.yaml" in problem) == ("the title" in said and "query" not in said)


def test_a_title_that_redirects_in_a_circle_is_asked_for_by_its_id_where_one_is_known() -> None:
    talk = converse(NEW_ENGLAND, NEVER_SEEN)
    _, response = read(next(talk), json.dumps({"query": {"redirects": LOOP}}))
    assert sent(talk.send(response))["pageids"] == "21531764"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "expected a JSON object"),
        ("null", "expected a JSON object"),
        ('{"query": {"pages": [{"pageid": 1', "not complete JSON"),
        ("<html>", "not complete JSON"),
        ('{"error": "x"}', "field error is 'x'"),
        ('{"error": null}', "field error is None"),
    ],
)
def test_a_response_of_another_form_is_refused(request_: ApiRequest, text: str, said: str) -> None:
    with pytest.raises(BadResponse) as error:
        read(request_, text)
    assert said in str(error.value)
    assert error.value.is_retryable and not error.value.is_of_service


@pytest.mark.parametrize(
    ("code", "is_retryable", "is_of_service"),
    [
        ("maxlag", True, True),
        ("ratelimited", True, True),
        ("readonly", True, True),
        ("internal_api_error_DBQueryError", True, False),
        ("unknownerror", True, False),
        ("invalidparammix", False, True),
        ("badvalue", False, True),
        ("permissiondenied", False, True),
    ],
)
def test_an_error_on_a_200_is_tried_again_only_where_that_helps(
    request_: ApiRequest, code: str, is_retryable: bool, is_of_service: bool
) -> None:
    with pytest.raises(BadResponse, match=f"^the wiki answered {code}: Because$") as error:
        read(request_, json.dumps({"error": {"info": "Because", "code": code}, "servedby": "mw1"}))
    assert (error.value.is_retryable, error.value.is_of_service) == (is_retryable, is_of_service)
    assert error.value.retry_after == (5 if is_retryable and is_of_service else None)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_stands_in_a_field_the_response_is_good_or_a_bad_response(request_: ApiRequest, seed: int) -> None:
    rng = random.Random(seed)
    junk: list[Any] = [None, True, -1, 1.5, "", "x", [], {}, [None], {"a": 1}]
    good = json.loads(body({"revisions": [revision(), revision()]}, batchcomplete=True))
    good["continue"] = {"rvcontinue": "20261118010203|11", "continue": "||"}

    def garble(value: Any) -> Any:
        if rng.random() < 0.04:
            return rng.choice(junk)
        if isinstance(value, dict):
            return {key: garble(item) for key, item in value.items() if rng.random() > 0.02}
        return [garble(item) for item in value] if isinstance(value, list) else value

    bad = 0
    for _ in range(100):
        try:
            rows, _ = read(request_, json.dumps(garble(good)))
            assert len(rows) == 1
            bad += bool(rows[0].problem)
        except BadResponse:
            bad += 1
    assert 10 < bad < 100


def recorded_text(recorded: Path, name: str) -> str:
    return (recorded / "mediawiki" / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "response"),
    [
        (
            "revisions_fv2_continue_cat",
            PageResponse(6678, {"rvcontinue": "20260820090000|1370800002", "continue": "||"}),
        ),
        ("revisions_fv2_first_revision_cat", PageResponse(6678, None)),
        ("query_fv2_missing_pageid", PageResponse(None, None)),
        ("query_fv2_missing_title_normalized", PageResponse(None, None)),
    ],
)
def test_recorded_responses_are_understood(
    recorded: Path, request_: ApiRequest, name: str, response: PageResponse
) -> None:
    text = recorded_text(recorded, name)
    rows, understood = read(request_, text)
    assert ([row.payload for row in rows], understood) == ([text], response)


def test_recorded_responses_of_the_old_format_are_told_as_such(recorded: Path, request_: ApiRequest) -> None:
    paths = sorted(recorded.glob("mediawiki/*_fv1_*.json"))
    assert paths
    for path in paths:
        problem = problem_of(request_, path.read_text(encoding="utf-8"))
        assert (
            problem == "field query.pages is an object, as in the old format (formatversion=1), which was not asked for"
        )


@pytest.mark.parametrize(
    ("name", "code", "is_retryable"),
    [("error_maxlag_wikibase", "maxlag: Waiting for", True), ("error_200_invalidparammix", "invalidparammix: ", False)],
)
def test_recorded_errors_are_bad_responses_with_code_and_reason(
    recorded: Path, request_: ApiRequest, name: str, code: str, is_retryable: bool
) -> None:
    with pytest.raises(BadResponse, match=f"^the wiki answered {code}") as error:
        read(request_, recorded_text(recorded, name))
    assert (error.value.is_retryable, bool(error.value.retry_after)) == (is_retryable, is_retryable)


@pytest.mark.parametrize("name", ["error_404_rest_php_nonexistent_title", "rest_v1_page_summary_canis_lepophagus"])
def test_recorded_responses_of_other_apis_are_problems(recorded: Path, request_: ApiRequest, name: str) -> None:
    assert (
        problem_of(request_, recorded_text(recorded, name))
        == "field query is missing: the wiki did not take the title for one"
    )


@pytest.mark.parametrize(
    ("status", "is_retryable", "retry_after", "said"),
    [
        (429, True, 5, "refused for now: Too many requests, see the policy"),
        (403, False, None, "set DW_CONTACT"),
        (400, False, None, "refused the request: Too many"),
        (404, False, None, "refused the request"),
        (401, False, None, "refused access"),
        (500, True, None, "the wiki failed"),
        (503, True, None, "the wiki failed"),
    ],
)
def test_an_error_status_is_tried_again_only_where_that_helps(
    status: int, is_retryable: bool, retry_after: float | None, said: str
) -> None:
    details = problem_of_status(status, "Too many\r\nrequests,  see the policy " + "x" * 5000, NOW)
    assert details.is_of_service == (status in (400, 401, 403, 429))
    assert (details.is_retryable, details.retry_after) == (is_retryable, retry_after)
    assert said in details.problem and "\n" not in details.problem and len(details.problem) < 400
    assert "no text" in problem_of_status(status, "", NOW).problem


@pytest.mark.parametrize(
    "page", [{"invalid": True, "invalidreason": "bad"}, {"ns": -1, "special": True}, {"missing": True}]
)
def test_a_title_that_leads_nowhere_is_not_a_broken_response_but_a_missing_page(
    request_: ApiRequest, page: dict[str, Any]
) -> None:
    text = json.dumps({"batchcomplete": True, "query": {"pages": [{"title": "A~~~", **page}]}})
    rows, understood = read(request_, text)
    assert len(rows) == 1
    assert understood.wikipedia_page_id is None
