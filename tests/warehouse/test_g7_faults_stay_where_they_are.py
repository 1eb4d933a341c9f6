"""G7: a fault of one place or page is noted with what it is, and stops no other; only an outage fails a load."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.errors import BadResponse
from include.landing import note_problem
from include.loads import begin_extraction
from include.patience import GOOD_RESPONSES_SECONDS
from include.seeds import SeedPage
from include.sources.weather import api as weather
from include.sources.wikipedia import api as wikipedia
from sandbox import Fault, Sandbox
from sandbox.server import Request
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import DagRun, Pipeline, utc
from tests.warehouse.places import BOSTON, BOSTON_PAGE, KIRITIMATI, NEW_ENGLAND, PHOENIX

DAY = ("2026-10-05", "2026-10-06")
PROBLEMS = "SELECT subject_id, window_start, window_end, raw_id, problem FROM staging.problem ORDER BY subject_id, window_start"
HOURS = "SELECT location_id, count(*) FROM staging.weather GROUP BY 1 ORDER BY 1"
PAGES = "SELECT page_id FROM staging.revision GROUP BY 1 HAVING count(*) >= 8 ORDER BY 1"


@pytest.fixture
def pages(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Three pages are followed, of keys 1 to 3, each edited eight times a day, and now and then besides."""
    pipeline.owner.execute("ALTER TABLE core.tracked_page ALTER COLUMN page_id RESTART")
    follow(pipeline.owner, [BOSTON, PHOENIX], [NEW_ENGLAND, BOSTON_PAGE, SeedPage("Texas", "en")])
    for title in ("Boston", "Texas"):
        sandbox.add_revisions(title, utc("2026-09-20T01:00"), 400, 3 * 3600)


def stage(pipeline: Pipeline, dag_id: str, start: str = DAY[0], end: str = DAY[1]) -> DagRun:
    """A run as far as its staging."""
    run = DagRun(dag_id, f"staged_{start}", {"start_date": start, "end_date": end}, pipeline.clock())
    return pipeline.finish(pipeline.plan(run), until="transform")


def about(title: str) -> Callable[[Request], bool]:
    """Requests that ask for this page by its title."""
    return lambda request: request.params.get("titles") == title


def of_second_place(change: Callable[[dict[str, Any]], Any]) -> Fault:
    """Changes what the service says of the second of several places."""

    def transform(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
        change(places[1])
        return places

    return Fault(path="/v1", transform=transform)


def test_g7_a_place_that_cannot_be_read_stops_no_other(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(of_second_place(lambda place: place["hourly"]["cloud_cover"].__setitem__(3, "x")))
    assert stage(pipeline, "weather").errors == {}
    problem = "field hourly.cloud_cover[3] is 'x': input should be a valid number"
    assert pipeline.rows("SELECT location_id, problem FROM raw.weather_observations ORDER BY id") == [
        (1, None),
        (2, problem),
    ]
    assert pipeline.rows(PROBLEMS) == [(2, utc(DAY[0]), utc(DAY[1]), 2, problem)]
    assert pipeline.rows(HOURS) == [(1, 24)]
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("name", ["rain", None], ids=["renamed", "missing"])
def test_g7_a_variable_that_is_renamed_or_missing_is_named_and_its_place_withheld(
    pipeline: Pipeline, sandbox: Sandbox, name: str | None
) -> None:
    def change(place: dict[str, Any]) -> None:
        for part in ("hourly", "hourly_units"):
            values = place[part].pop("precipitation")
            if name:
                place[part][name] = values

    sandbox.faults.append(of_second_place(change))
    run = pipeline.run("weather", *DAY)
    assert "withheld 1 of 2 units, all else of it is published" in run.error
    assert "hourly.precipitation" in run.error
    assert pipeline.rows("SELECT location_id, count(*) FROM core.weather GROUP BY 1") == [(1, 24)]


def test_g7_what_postgresql_could_not_take_of_a_place_stops_no_other(pipeline: Pipeline, sandbox: Sandbox) -> None:
    bodies: list[bytes] = []

    def rewrite(body: bytes) -> bytes:
        first, second = json.loads(body)
        bodies.append(f'[{json.dumps(first)}, {json.dumps(second)[:-1]}, "elevation": NaN}}]'.encode())
        return bodies[0]

    sandbox.faults.append(Fault(path="/v1", rewrite=rewrite))
    assert stage(pipeline, "weather").errors == {}
    assert [row[0] for row in pipeline.rows(PROBLEMS)] == [2]
    assert pipeline.rows(HOURS) == [(1, 24)]
    slices = pipeline.rows("SELECT payload FROM raw.weather_observations ORDER BY id")
    assert ("[" + ", ".join(text for (text,) in slices) + "]").encode() == bodies[0]


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {"transform": lambda body: {"query": {"redirects": [{"from": "Boston", "to": "Boston"}]}}},
            "redirects in a circle",
        ),
        ({"transform": lambda body: {"query": {"interwiki": [{"title": "fr:Boston", "iw": "fr"}]}}}, "another wiki"),
        (
            {"transform": lambda body: {"error": {"code": "invalidtitle", "info": "Bad title"}}},
            "invalidtitle: Bad title",
        ),
        ({"transform": lambda body: {**body, "continue": "||"}}, "field continue"),
        ({"transform": lambda body: {"query": {"pages": {"1": {}}}}}, "formatversion=1"),
        ({"status": 404, "body": "<html>No such wiki</html>"}, "HTTP 404"),
        ({"status": 414, "body": "too long"}, "HTTP 414"),
    ],
)
def test_g7_a_page_with_a_fault_of_its_own_stops_no_other(
    pipeline: Pipeline, sandbox: Sandbox, fault: dict[str, Any], words: str
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(Fault(path="/w", when=about("Boston"), times=None, **fault))
    assert stage(pipeline, "wikipedia").errors == {}
    ((page_id, start, end, raw_id, problem),) = pipeline.rows(PROBLEMS)
    assert (page_id, start, end) == (2, utc(DAY[0]), utc(DAY[1]))
    assert words in problem
    assert pipeline.value("SELECT problem FROM raw.wikipedia_pages WHERE id = %s", raw_id) == problem
    assert pipeline.rows(PAGES) == [(1,), (3,)]
    assert pipeline.waits == []


@pytest.mark.usefixtures("pages")
def test_g7_a_title_that_leads_nowhere_is_made_up_for_by_the_page_id_where_it_is_known(
    pipeline: Pipeline, sandbox: Sandbox, cases: Path
) -> None:
    assert pipeline.run("wikipedia", "2026-10-04", "2026-10-05", conf={"pages": ["Boston"]}).errors == {}
    loop = Fault(
        path="/w", status=200, body=(cases / "wiki_redirect_loop.json").read_text(encoding="utf-8"), times=None
    )
    loop.when = lambda request: request.params.get("titles") in ("Boston", "Texas")
    sandbox.faults.append(loop)
    assert stage(pipeline, "wikipedia").errors == {}
    assert [row[0] for row in pipeline.rows(PROBLEMS)] == [3]
    assert pipeline.rows(PAGES) == [(1,), (2,)]


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(
    "broken", [{"status": 500, "body": "DB"}, {"drop_at": 100}, {"rewrite": lambda body: body[:99]}]
)
def test_g7_a_page_that_gets_no_response_within_the_patience_stops_no_other(
    pipeline: Pipeline, sandbox: Sandbox, broken: dict[str, Any]
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(Fault(path="/w", when=about("New England"), times=None, **broken))
    assert stage(pipeline, "wikipedia").errors == {}
    assert sum(pipeline.waits) == 75
    ((page_id, _, _, raw_id, problem),) = pipeline.rows(PROBLEMS)
    assert page_id == 1
    assert pipeline.rows("SELECT max(id) FROM raw.wikipedia_pages WHERE problem = %s", problem) == [(raw_id,)]
    assert pipeline.rows(PAGES) == [(2,), (3,)]


@pytest.fixture
def six_pages(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Six pages are followed, of keys 101 to 106, each edited eight times a day."""
    pipeline.owner.execute("ALTER TABLE core.tracked_page ALTER COLUMN page_id RESTART WITH 101")
    follow(pipeline.owner, [BOSTON], [SeedPage(f"Page {number}", "en") for number in range(1, 7)])
    for number in range(1, 7):
        sandbox.add_revisions(f"Page {number}", utc("2026-10-01T01:00"), 80, 3 * 3600)


def about_any(*numbers: int) -> Callable[[Request], bool]:
    """Requests that ask for one of these pages by its title."""
    return lambda request: request.params.get("titles") in [f"Page {number}" for number in numbers]


INTERNAL_ERROR = b'{"error": {"code": "internal_api_error_DBQueryError", "info": "Caught exception"}}'


@pytest.mark.usefixtures("six_pages")
@pytest.mark.parametrize("broken", [{"status": 500, "body": "DB"}, {"rewrite": lambda _: INTERNAL_ERROR}])
@pytest.mark.parametrize("pages", [(1, 3), (2, 6), (1, 3, 5), (1, 2), (1, 2, 4, 5)])
def test_g7_several_pages_with_a_lasting_error_of_their_own_stop_no_other(
    pipeline: Pipeline, sandbox: Sandbox, pages: tuple[int, ...], broken: dict[str, Any]
) -> None:
    """A good response between or after them tells that the service is not away."""
    pipeline.patience.seconds = 75
    sandbox.faults.append(Fault(path="/w", when=about_any(*pages), times=None, **broken))
    run = pipeline.run("wikipedia", *DAY)
    assert f"withheld {len(pages)} of 6 units, all else of it is published" in run.error
    assert [row[0] for row in pipeline.rows(PROBLEMS)] == [100 + page for page in pages]
    published = pipeline.rows("SELECT DISTINCT page_id FROM core.revision ORDER BY 1")
    assert published == [(100 + page,) for page in range(1, 7) if page not in pages]
    # Only the first one was waited for; each of the others cost one request.
    assert sum(pipeline.waits) == 75
    asked = [request.params["titles"] for request in sandbox.requests]
    assert [asked.count(f"Page {page}") for page in pages[1:]] == [1] * (len(pages) - 1)


@pytest.mark.usefixtures("six_pages")
@pytest.mark.parametrize(
    ("pages", "last"),
    [
        pytest.param((1, 2, 3), 3, id="three-in-a-row"),
        pytest.param((1, 3, 4, 5), 5, id="three-in-a-row-after-a-good-one"),
        pytest.param((5, 6), 6, id="no-good-response-after-two"),
        pytest.param((1, 2, 3, 4, 5, 6), 3, id="all"),
    ],
)
def test_g7_requests_in_a_row_without_a_response_are_an_outage(
    pipeline: Pipeline, sandbox: Sandbox, pages: tuple[int, ...], last: int
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(Fault(path="/w", status=500, body="DB", when=about_any(*pages), times=None))
    (error,) = stage(pipeline, "wikipedia").errors.values()
    assert isinstance(error, BadResponse) and error.is_retryable
    assert f"page en:Page {last}" in str(error) and "it is tried again by itself" in str(error)
    # Only the first one was waited for, and nobody is asked after the last one.
    assert sum(pipeline.waits) == 75
    assert sandbox.requests[-1].params["titles"] == f"Page {last}"


@pytest.mark.usefixtures("six_pages")
def test_g7_pages_whose_responses_never_come_take_no_longer_than_the_task_may(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """A good response lies between any two of them, and each takes as long as a response may."""
    now = 0.0

    def hangs(request: Request) -> bool:
        nonlocal now
        is_odd = about_any(1, 3, 5)(request)
        now += pipeline.patience.response_seconds if is_odd else 0
        return is_odd

    pipeline.patience.seconds = 75
    pipeline.patience.clock = lambda: now + sum(pipeline.waits)
    sandbox.faults.append(Fault(path="/w", status=504, body="too late", when=hangs, times=None))
    assert "page en:Page 5" in stage(pipeline, "wikipedia").error
    assert pipeline.patience.clock() <= pipeline.patience.longest_try - GOOD_RESPONSES_SECONDS


@pytest.mark.usefixtures("six_pages")
def test_g7_what_a_fault_leaves_of_the_patience_is_not_spent_on_the_next(pipeline: Pipeline, sandbox: Sandbox) -> None:
    pipeline.patience.seconds = 75
    later = {"Retry-After": "50"}
    sandbox.faults.append(Fault(path="/w", status=503, headers=later, when=about_any(1), times=None))
    sandbox.faults.append(Fault(path="/w", status=500, when=about_any(3), times=None))
    assert stage(pipeline, "wikipedia").errors == {}
    assert [row[0] for row in pipeline.rows(PROBLEMS)] == [101, 103]
    assert pipeline.waits == [50]


def test_g7_the_only_request_of_a_load_without_a_response_is_an_outage(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path="/w", status=404, body="no such wiki", times=None))
    (error,) = stage(pipeline, "wikipedia").errors.values()
    assert isinstance(error, AirflowFailException)
    assert "HTTP 404: the wiki refused the request: no such wiki\npage en:New England" in str(error)


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize(
    "fault",
    [
        Fault.maxlag(retry_after=700),
        Fault.too_many_requests(retry_after=900),
        Fault(path="/w", status=503, headers={"Retry-After": "700"}),
    ],
)
def test_g7_a_service_that_refuses_everybody_is_not_asked_for_the_next_page(
    pipeline: Pipeline, sandbox: Sandbox, fault: Fault
) -> None:
    pipeline.patience.seconds = 75
    sandbox.faults.append(replace(fault))
    (error,) = stage(pipeline, "wikipedia").errors.values()
    assert isinstance(error, BadResponse) and error.retry_after in (700, 900)
    assert len(sandbox.requests) == 1
    assert pipeline.rows(PROBLEMS) == []


def test_g7_a_part_of_a_window_without_a_response_is_noted_for_each_place(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path="/v1/archive", status=500, body="{}", times=None))
    assert stage(pipeline, "weather", "2026-08-21", "2026-08-24").errors == {}
    rows = pipeline.rows(PROBLEMS)
    assert [row[:4] for row in rows] == [(place, utc("2026-08-21"), utc("2026-08-22"), 1) for place in (1, 2)]
    assert pipeline.rows(HOURS) == [(1, 48), (2, 48)]


def test_g7_problems_are_those_of_the_last_extraction(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(of_second_place(lambda place: place.pop("hourly")))
    run = stage(pipeline, "weather")
    assert [row[0] for row in pipeline.rows(PROBLEMS)] == [2]
    with psycopg.connect(pipeline.owner.info.dsn, autocommit=True) as connection:
        former = begin_extraction(connection, run.loads[0]["load_id"])
        assert pipeline.rows(PROBLEMS) == []
        begin_extraction(connection, former.load_id)
        # What a killed task's process still does.
        note_problem(connection, former, [1], former.window, None, "too late")
    assert pipeline.rows(PROBLEMS) == []
    pipeline.finish(run, until="transform")
    assert pipeline.rows(PROBLEMS) == []
    assert pipeline.rows(HOURS) == [(1, 24), (2, 24)]


def test_g7_an_abandoned_load_leaves_no_problem(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(of_second_place(lambda place: place.pop("hourly")))
    run = stage(pipeline, "weather")
    pipeline.plan(run)
    assert pipeline.rows(PROBLEMS) == []


def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a response holds passes its check, as a shape would that nobody thought of."""
    monkeypatch.setattr(weather, "_problem_of", lambda *document: None)
    monkeypatch.setattr(wikipedia, "_problem_of_page", lambda page: None)
    monkeypatch.setattr(wikipedia, "_is_continuation", lambda value: False)


@pytest.mark.parametrize("broken", [(1,), (0, 2), (0, 1, 2)])
def test_g7_responses_that_postgresql_cannot_read_are_found_and_the_others_staged(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, broken: tuple[int, ...]
) -> None:
    unchecked(monkeypatch)
    pipeline.owner.execute("ALTER TABLE core.location ALTER COLUMN location_id RESTART")
    follow(pipeline.owner, [BOSTON, PHOENIX, KIRITIMATI], [NEW_ENGLAND])

    def transform(places: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for index in broken:
            places[index]["hourly"]["precipitation"] = {"a": 1}
        return places

    sandbox.faults.append(Fault(path="/v1", transform=transform))
    assert stage(pipeline, "weather").errors == {}
    rows = pipeline.rows(PROBLEMS)
    assert [row[:4] for row in rows] == [(index + 1, utc(DAY[0]), utc(DAY[1]), index + 1) for index in broken]
    assert all(row[4].startswith("PostgreSQL cannot read it: ") for row in rows)
    assert pipeline.rows(HOURS) == [(place, 24) for place in (1, 2, 3) if place - 1 not in broken]
    assert pipeline.value("SELECT status FROM audit.load") == "staged"


def test_g7_a_transform_that_is_cleared_tries_again_what_it_could_not_read(pipeline: Pipeline) -> None:
    """As after the correction of a statement."""
    run = stage(pipeline, "weather")
    pipeline.owner.execute(
        "INSERT INTO staging.problem SELECT load_id, location_id, window_start, window_end, id, 'was unreadable', true "
        "FROM raw.weather_observations WHERE location_id = 2"
    )
    pipeline.finish(run, since="transform", until="transform")
    assert pipeline.rows(PROBLEMS) == []
    assert pipeline.rows(HOURS) == [(1, 24), (2, 24)]


def test_g7_a_transform_that_fails_whatever_the_responses_says_so(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stage(pipeline, "weather")
    # Each place alone has fewer hours than that.
    pipeline.owner.execute(
        "CREATE FUNCTION staging.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF (SELECT count(*) FROM staging.weather) > 24 THEN RAISE data_exception USING MESSAGE = 'too many'; END IF; "
        "RETURN NULL; END $$; "
        "CREATE TRIGGER refuse AFTER INSERT ON staging.weather FOR EACH STATEMENT EXECUTE FUNCTION staging.refuse()"
    )
    with pytest.raises(AirflowFailException, match="weather: load 1 cannot be staged: too many; each of its responses"):
        pipeline.execute("weather", "transform", run.loads[0])


Change = Callable[[dict[str, Any]], Any]


def set_hour(text: Any) -> Change:
    return lambda place: place["hourly"]["time"].__setitem__(5, text)


def set_value(value: Any) -> Change:
    return lambda place: place["hourly"]["weather_code"].__setitem__(5, value)


def set_field(name: str, value: Any) -> Change:
    return lambda document: document.__setitem__(name, value)


def set_unit(value: Any) -> Change:
    return lambda place: place["hourly_units"].__setitem__("precipitation", value)


def set_series(value: Any) -> Change:
    return lambda place: place["hourly"].__setitem__("precipitation", value)


WEATHER_SHAPES: list[Change] = [
    *(
        set_hour(text)
        for text in (
            "2026-W41-1T05:00", "2026-10-05T05", "2026-10-05T05:00:01", "2026-10-05T05:00Z", "2026-10-05T05:30", "05:00", "now", "",
            "infinity", "2026-10-05T24:00", "0000-10-05T05:00", None, 5, True, [], {}, "2026-10-05T05:00 BC", "10000-10-05T05:00",
        )
    ),
    *(set_value(value) for value in (True, "", "x", "1", [], {}, 61.5, 10**400, -(10**200), 1e300, "NaN", [[1]])),
    *(set_unit(value) for value in (None, 7, [], {}, "", True)),
    *(set_series(value) for value in (None, "x", {}, [], [1], [1] * 25, [[1]] * 24, [{}] * 24, 7, [[1], [1, 2]] * 12)),
    *(set_field("utc_offset_seconds", value) for value in (3600, "", None, False, 0.0)),
    *(set_field("location_id", value) for value in (0, "1", None, True, 1.0)),
    *(set_field("hourly", value) for value in (None, [], "x", 7)),
    *(set_field("hourly_units", value) for value in (None, [], "x", {})),
    set_field("error", True),
]  # fmt: skip


def set_revision(name: str, value: Any) -> Change:
    return lambda body: body["query"]["pages"][0]["revisions"][3].__setitem__(name, value)


def set_page(name: str, value: Any) -> Change:
    return lambda body: body["query"]["pages"][0].__setitem__(name, value)


PAGE_SHAPES: list[Change] = [
    *(
        set_revision(name, value)
        for name in ("revid", "parentid", "size")
        for value in (2**70, "", "x", 1.5, None, True, [], -(2**63))
    ),
    *(
        set_revision("timestamp", value)
        for value in (
            "", "x", None, 7, "2026-W41-1T05:00:00Z", "2026-10-05T05Z", "infinity", "2026-10-05T05:00:00+99:00",
            "99999-10-05T05:00:00Z",
        )
    ),
    *(
        set_revision(name, value)
        for name in ("minor", "anon", "temp", "userhidden", "commenthidden", "sha1hidden")
        for value in ("", "x", 2, [], {})
    ),
    *(set_revision(name, value) for name in ("user", "comment", "sha1", "tags") for value in (None, 7, {}, "x", [1], [[]])),
    *(set_page("pageid", value) for value in (2**70, "", "x", None, True, 0, -1)),
    *(set_page("ns", value) for value in (2**40, "", "x", None, 1.5)),
    *(set_page("title", value) for value in (None, 7, {}, "", [], "a|b", "a#b", "<b>", "a\tb")),
    *(set_page(name, value) for name in ("redirect", "missing", "invalid", "special") for value in ("", "x", 7, [])),
    *(set_page("revisions", value) for value in (None, "", {}, [None], [[]], 7)),
    *(set_field("continue", value) for value in (None, "", "||", [], {}, {"rvcontinue": 7}, 7)),
    *(set_field("query", value) for value in (None, "", [], {}, {"pages": []}, {"pages": {}}, {"pages": [7]})),
]  # fmt: skip

CHECKS = pytest.mark.parametrize("is_checked", [True, False], ids=["checked", "unchecked"])


@CHECKS
@pytest.mark.parametrize("seed", range(3))
def test_g7_whatever_the_shape_a_place_is_staged_or_named(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int, is_checked: bool
) -> None:
    """Each day another shape, over the seeds every one; the second place is broken."""
    if not is_checked:
        unchecked(monkeypatch)
    for number, shape in enumerate(WEATHER_SHAPES[seed::3]):
        start, end = (utc("2026-10-01").replace(day=1 + number + plus).date().isoformat() for plus in (0, 1))

        def at_day(place: dict[str, Any], shape: Change = shape, day: str = start) -> None:
            text = json.dumps(place).replace(day, "2026-10-05")
            place.clear()
            place.update(json.loads(text))
            shape(place)
            text = json.dumps(place).replace("2026-10-05", day)
            place.clear()
            place.update(json.loads(text))

        sandbox.faults.append(of_second_place(at_day))
        run = stage(pipeline, "weather", start, end)
        assert run.errors == {}, number
        load_id = run.loads[0]["load_id"]
        staged = dict(
            pipeline.rows("SELECT location_id, count(*) FROM staging.weather WHERE load_id = %s GROUP BY 1", load_id)
        )
        noted = pipeline.rows("SELECT subject_id, problem FROM staging.problem WHERE load_id = %s", load_id)
        assert staged.get(1) == 24, number
        assert [subject for subject, _ in noted] == ([] if 2 in staged else [2]), (number, staged, noted)
    unreadable = pipeline.value("SELECT count(*) FROM staging.problem WHERE is_unreadable")
    assert unreadable == 0 if is_checked else unreadable > 3


@CHECKS
@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("seed", range(5))
def test_g7_whatever_the_shape_a_page_is_staged_or_named(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int, is_checked: bool
) -> None:
    if not is_checked:
        unchecked(monkeypatch)
    for number, shape in enumerate(PAGE_SHAPES[seed::5]):
        start, end = (utc("2026-10-01").replace(day=1 + number + plus).date().isoformat() for plus in (0, 1))

        def transform(body: dict[str, Any], shape: Change = shape) -> dict[str, Any]:
            shape(body)
            return body

        sandbox.faults.append(Fault(path="/w", when=about("Boston"), transform=transform))
        run = stage(pipeline, "wikipedia", start, end)
        assert run.errors == {}, number
        load_id = run.loads[0]["load_id"]
        staged = dict(
            pipeline.rows("SELECT page_id, count(*) FROM staging.revision WHERE load_id = %s GROUP BY 1", load_id)
        )
        named = {
            page_id for (page_id,) in pipeline.rows("SELECT page_id FROM staging.page WHERE load_id = %s", load_id)
        }
        noted = [
            subject
            for (subject,) in pipeline.rows("SELECT subject_id FROM staging.problem WHERE load_id = %s", load_id)
        ]
        assert staged.get(1, 0) >= 8 and staged.get(3, 0) >= 8, number
        assert (noted == [2]) != (2 in named), (number, staged, noted)
    unreadable = pipeline.value("SELECT count(*) FROM staging.problem WHERE is_unreadable")
    assert unreadable == 0 if is_checked else unreadable > 3


@pytest.mark.usefixtures("pages")
@pytest.mark.parametrize("seed", range(4))
def test_g7_no_shape_ends_as_an_error_of_sql(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """The whole way to core, of responses with several faults; one of two runs without the check."""
    rng = random.Random(seed)
    if seed % 2:
        unchecked(monkeypatch)
    for day in range(5, 9):
        window = (f"2026-10-0{day}", f"2026-10-0{day + 1}")
        for dag_id, shapes, fault in (
            ("weather", WEATHER_SHAPES, Fault(path="/v1")),
            ("wikipedia", PAGE_SHAPES, Fault(path="/w", when=about("Boston"))),
        ):
            chosen = rng.sample(shapes, 2)

            def transform(body: Any, chosen: list[Change] = chosen) -> Any:
                for shape in chosen:
                    try:
                        shape(body[1] if isinstance(body, list) else body)
                    except (TypeError, KeyError, IndexError, AttributeError):
                        continue  # An earlier shape has left nothing to change.
                return body

            fault.transform = transform
            sandbox.faults.append(fault)
            run = pipeline.run(dag_id, *window)
            assert not any(isinstance(error, psycopg.Error) for error in run.errors.values()), run.errors


@pytest.mark.parametrize("month", ["2026-10", "1950-01"])
def test_g7_core_refuses_an_hour_that_is_not_a_whole_one(pipeline: Pipeline, month: str) -> None:
    pipeline.owner.execute("SELECT core.ensure_weather_partitions(%s, %s)", [utc(f"{month}-01"), utc(f"{month}-02")])
    insert = "INSERT INTO core.weather (location_id, observed_at, raw_id, load_id) VALUES (1, %s, 1, 1)"
    pipeline.owner.execute(insert, [utc(f"{month}-01T05:00")])
    for moment in ("T05:30", "T05:00:01", "T05:00:00.000001"):
        with pytest.raises(psycopg.errors.CheckViolation, match="weather_observed_at_is_a_whole_hour"):
            pipeline.owner.execute(insert, [utc(f"{month}-01{moment}")])
