"""G12: a revision is counted once, under the page that has it now, as long as the wiki lists it; G10 for what a wiki forgets."""

import itertools
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.seeds import SeedPage
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import RUN_NUMBERS, DagRun, Pipeline, snapshot
from tests.warehouse.places import BOSTON_PAGE, NEW_ENGLAND

DAY = ("2026-10-05", "2026-10-06")
MART = "SELECT sum(revision_count), sum(total_bytes_changed), sum(anonymous_revision_count) FROM mart.daily_wikipedia_page_stats"


def revision(revid: int, **more: Any) -> dict[str, Any]:
    """As the wiki lists it: of DAY, at the hour of its last digits; one that continues the one before."""
    said = {
        "revid": revid, "parentid": revid - 1, "minor": False, "user": "Somebody",
        "timestamp": f"2026-10-05T{revid % 100:02}:00:00Z", "size": 1000 + revid, "sha1": "aa", "comment": "c", "tags": [],
    } | more  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def wiki_says(
    sandbox: Sandbox, *revisions: dict[str, Any], page: int = 101, title: str = "New England", **more: Any
) -> None:
    """The next response about this title, with `more` beside its query."""
    pages = [{"pageid": page, "ns": 0, "title": title, "revisions": list(revisions)}]
    body = json.dumps({"query": {"pages": pages}, "batchcomplete": True} | more).encode()
    sandbox.faults.append(
        Fault(path="/w/api.php", when=lambda request: request.params.get("titles") == title, rewrite=lambda _: body)
    )


def load(pipeline: Pipeline, **conf: Any) -> DagRun:
    """A run of wikipedia over DAY that must succeed."""
    run = pipeline.run("wikipedia", *DAY, conf=conf)
    assert run.errors == {}
    return run


def planned(pipeline: Pipeline, until: str = "validate", **conf: Any) -> DagRun:
    """A run over DAY that has come as far as `until`."""
    conf = {"start_date": DAY[0], "end_date": DAY[1]} | conf
    run = pipeline.plan(DagRun("wikipedia", f"g12_{next(RUN_NUMBERS)}", conf, pipeline.clock()))
    assert pipeline.finish(run, until=until).errors == {}
    return run


def publish(pipeline: Pipeline, run: DagRun) -> None:
    assert pipeline.finish(run, since="publish").errors == {}


def core(pipeline: Pipeline, columns: str) -> list[tuple[Any, ...]]:
    return pipeline.rows(f"SELECT revision_id, {columns} FROM core.revision ORDER BY page_id, revision_id")


def mart(pipeline: Pipeline) -> tuple[int | None, ...]:
    """Revisions, bytes changed and anonymous revisions in all."""
    pipeline.refresh_marts("manual")
    return pipeline.rows(MART)[0]


def case(sandbox: Sandbox, cases: Path, name: str) -> None:
    """The next response is this file."""
    body = (cases / f"{name}.json").read_bytes()
    sandbox.faults.append(Fault(path="/w/api.php", rewrite=lambda _: body))


def test_g10_a_revision_without_a_parent_id_is_loaded(pipeline: Pipeline, sandbox: Sandbox, cases: Path) -> None:
    case(sandbox, cases, "wiki_no_parentid")
    load(pipeline)
    assert core(pipeline, "parent_id, size_delta_bytes") == [(11, 0, 50), (12, None, None), (13, 12, 10)]


def test_g12_a_name_without_an_account_is_not_an_address(pipeline: Pipeline, sandbox: Sandbox, cases: Path) -> None:
    case(sandbox, cases, "wiki_imported_users")
    load(pipeline)
    assert core(pipeline, "is_anonymous, is_temporary") == [
        (21, False, False),
        (22, False, False),
        (23, True, False),
        (24, True, False),
        (25, False, True),
        (26, False, True),
    ]
    assert mart(pipeline)[2] == 4


@pytest.mark.parametrize(
    "name", ["10.1", "1.2.3.4/24", "fe80::1%eth0", ":", "dead:beef", "256.1.1.1", "Ab", "", "::ffff:1.2.3.4"]
)
def test_g12_whatever_a_user_is_called_is_not_an_error(pipeline: Pipeline, name: str) -> None:
    assert pipeline.value("SELECT staging.is_ip_address(%s)", name) is (name == "::ffff:1.2.3.4")


def test_g10_an_unknown_size_is_not_a_size(pipeline: Pipeline, sandbox: Sandbox, cases: Path) -> None:
    case(sandbox, cases, "wiki_unknown_size")
    load(pipeline)
    assert core(pipeline, "revision_size_bytes, size_delta_bytes, sha1") == [
        (31, 33000, None, "aa"),
        (32, None, None, None),
        (33, 33001, None, "bb"),
    ]
    assert mart(pipeline)[:2] == (3, 0)


@pytest.mark.parametrize("late", [False, True], ids=["in order", "published late"])
def test_g10_what_the_wiki_knew_of_a_revision_stays(pipeline: Pipeline, sandbox: Sandbox, late: bool) -> None:
    wiki_says(sandbox, revision(101), revision(102))
    knew = planned(pipeline)
    if not late:
        publish(pipeline, knew)
    wiki_says(sandbox, revision(101), revision(102, parentid=None, size=0, sha1="", user=None, userhidden=True))
    load(pipeline)
    if late:
        publish(pipeline, knew)
    known = (102, 101, 1102, 1, "aa", None)
    assert core(pipeline, "parent_id, revision_size_bytes, size_delta_bytes, sha1, revision_user")[1] == known
    assert core(pipeline, "raw_id, field_raw_ids")[1] == (102, 2, [1, 1, 1])
    pipeline.owner.execute("TRUNCATE core.revision")
    load(pipeline, replay=True)
    assert core(pipeline, "parent_id, revision_size_bytes, size_delta_bytes, sha1, revision_user")[1] == known


def test_g12_what_the_wiki_no_longer_lists_is_removed_and_comes_back(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102), revision(103))
    load(pipeline)
    listed = snapshot(pipeline)
    assert mart(pipeline)[0] == 3
    wiki_says(sandbox, revision(101), revision(103))
    load(pipeline)
    removed = core(pipeline, "removed_at IS NOT NULL, revision_user, revision_comment, revision_size_bytes")
    assert removed == [
        (101, False, "Somebody", "c", 1101),
        (102, True, None, None, 1102),
        (103, False, "Somebody", "c", 1103),
    ]
    assert core(pipeline, "raw_id, field_raw_ids")[:2] == [(101, 1, None), (102, 2, [1, 1, 1])]
    assert pipeline.value("SELECT rows_changed FROM audit.load WHERE load_id = 2") == 1
    assert mart(pipeline)[0] == 2
    pipeline.owner.execute("TRUNCATE core.revision")
    load(pipeline, replay=True)
    assert core(pipeline, "removed_at IS NOT NULL, revision_user, revision_comment, revision_size_bytes") == removed
    wiki_says(sandbox, revision(101), revision(102), revision(103))
    load(pipeline)
    assert snapshot(pipeline) == listed
    assert core(pipeline, "removed_at, raw_id")[1] == (102, None, 3)


def test_g12_nothing_is_removed_outside_what_was_read_nor_by_what_is_not_trusted(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    wiki_says(sandbox, revision(101), revision(102), revision(103))
    load(pipeline)
    wiki_says(sandbox, revision(102, size=2**40), revision(104, timestamp="2026-10-05T02:30:00Z"))
    assert pipeline.run("wikipedia", "2026-10-05T02", "2026-10-05T03").errors == {}
    wiki_says(sandbox)
    withheld = planned(pipeline)
    pipeline.owner.execute("UPDATE staging.page SET is_withheld = true")
    publish(pipeline, withheld)
    sandbox.delete_page("New England")
    wiki_says(sandbox, page=202)
    load(pipeline)
    assert core(pipeline, "removed_at") == [(revid, None) for revid in (101, 102, 103, 104)]


def test_g12_an_older_response_that_is_published_late_brings_nothing_back(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102), revision(103))
    load(pipeline)
    wiki_says(sandbox, revision(101), revision(102), revision(103), revision(104), revision(105))
    late = planned(pipeline)
    wiki_says(sandbox, revision(101, user=None, userhidden=True), revision(103), revision(105, size=2**40))
    load(pipeline)
    newest = core(pipeline, "revision_user, removed_at IS NOT NULL")
    assert newest == [(101, None, False), (102, None, True), (103, "Somebody", False)]
    publish(pipeline, late)
    assert core(pipeline, "revision_user, removed_at IS NOT NULL") == [
        *newest,
        (104, None, True),
        (105, "Somebody", False),  # the newer response listed it, with a size outside the limit
    ]


def test_g12_a_response_between_two_that_agree_never_wins_late(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102))
    load(pipeline)
    wiki_says(sandbox, revision(101, user="Another"))
    between = planned(pipeline)
    wiki_says(sandbox, revision(101), revision(102))
    load(pipeline)
    publish(pipeline, between)
    assert core(pipeline, "revision_user, removed_at") == [(101, "Somebody", None), (102, "Somebody", None)]


def test_g9_a_replay_trusts_no_reading_that_holds_what_was_not_asked_for(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102))
    load(pipeline)
    wiki_says(sandbox, revision(101), revision(102, timestamp="2026-10-06T02:00:00Z"))
    assert "withheld 1 of 1 units" in pipeline.run("wikipedia", *DAY).error
    for window in (DAY, ("2026-10-05T02", "2026-10-05T03"), ("2026-10-05", "2026-10-08")):
        assert pipeline.run("wikipedia", *window, conf={"replay": True}).errors == {}
        assert core(pipeline, "removed_at, revision_timestamp::date::text") == [
            (101, None, "2026-10-05"),
            (102, None, "2026-10-05"),
        ]


def test_g12_a_changed_parent_takes_the_size_change_with_it(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102, size=5000), revision(103))
    load(pipeline)
    assert core(pipeline, "size_delta_bytes") == [(101, None), (102, 3899), (103, -3897)]
    wiki_says(sandbox, revision(101, parentid=0), revision(102, size=6000), revision(103, parentid=101))
    load(pipeline)
    assert core(pipeline, "size_delta_bytes") == [(101, 1101), (102, 4899), (103, 2)]
    wiki_says(sandbox, revision(102, size=7000))
    assert pipeline.run("wikipedia", "2026-10-05T02", "2026-10-05T03").errors == {}
    assert core(pipeline, "size_delta_bytes") == [(101, 1101), (102, 5899), (103, 2)]


def test_g12_two_titles_of_one_page_count_as_one(pipeline: Pipeline, sandbox: Sandbox) -> None:
    follow(pipeline.owner, [], [NEW_ENGLAND, SeedPage("Neuengland", "en")])
    for title in ("New England", "Neuengland"):
        wiki_says(sandbox, revision(101), revision(102), title=title)
    load(pipeline)
    assert len(core(pipeline, "page_id")) == 4
    assert mart(pipeline)[0] == 2
    assert pipeline.rows("SELECT page_id, page_title FROM mart.daily_wikipedia_page_stats") == [(1, "New England")]
    wiki_says(sandbox, revision(102), title="Neuengland")
    load(pipeline, pages=["Neuengland"])
    assert mart(pipeline)[0] == 1


FOLLOWED_TWICE = (
    "SELECT load_id, entry ->> 'subject', entry ->> 'observed' FROM audit.validation_result "
    "CROSS JOIN LATERAL jsonb_array_elements(sample) AS entry WHERE expectation = 'page_is_followed_once' ORDER BY 1, 2"
)


def test_g12_two_titles_of_one_page_are_reported_by_the_first_load_that_meets_both(
    pipeline: Pipeline, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    follow(pipeline.owner, [], [NEW_ENGLAND, SeedPage("Neuengland", "en"), SeedPage("Neuengland", "de"), BOSTON_PAGE])
    for title in ("New England", "Neuengland", "Neuengland"):
        wiki_says(sandbox, revision(101), title=title)
    load(pipeline)
    both = [("en:Neuengland", "en:New England"), ("en:New England", "en:Neuengland")]
    assert pipeline.rows(FOLLOWED_TWICE) == [(1, *pair) for pair in both]
    (warning,) = [line for line in capfd.readouterr().out.splitlines() if "page_is_followed_once: 2 of" in line]
    assert "en:New England 2026-10-05: en:Neuengland" in warning and "WHERE load_id = 1" in warning
    load(pipeline, replay=True)
    assert pipeline.rows(FOLLOWED_TWICE)[2:] == [(2, *pair) for pair in both]


def test_g12_a_title_that_now_leads_to_the_page_of_one_in_core_is_reported_once(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    follow(pipeline.owner, [], [NEW_ENGLAND, SeedPage("Neuengland", "en")])
    for _ in range(2):
        for title in ("New England", "Neuengland"):
            wiki_says(sandbox, revision(101), title=title)
        load(pipeline)
    load(pipeline, replay=True)
    assert [row[2] for row in pipeline.rows(FOLLOWED_TWICE) if row[0] == 2] == ["en:New England", "en:Neuengland"]
    assert {row[1:] for row in pipeline.rows(FOLLOWED_TWICE) if row[0] == 3} == {
        ("en:Neuengland", "en:New England"),
        ("en:New England", "en:Neuengland"),
    }


def test_g12_a_revision_counts_where_the_newest_response_has_it(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Histories are merged and taken apart again; only one of the pages is read each time."""
    follow(pipeline.owner, [], [NEW_ENGLAND, BOSTON_PAGE])
    counts = "SELECT page_title, revision_count FROM mart.daily_wikipedia_page_stats ORDER BY page_title"
    wiki_says(sandbox, revision(101), revision(102))
    wiki_says(sandbox, revision(201), page=102, title="Boston")
    load(pipeline)
    wiki_says(sandbox, revision(102), revision(201), page=102, title="Boston")
    load(pipeline, pages=["Boston"])
    pipeline.refresh_marts("manual")
    assert pipeline.rows(counts) == [("Boston", 2), ("New England", 1)]
    wiki_says(sandbox, revision(101), revision(102))
    load(pipeline, pages=["New England"])
    pipeline.refresh_marts("manual")
    assert pipeline.rows(counts) == [("Boston", 1), ("New England", 2)]


def test_g12_one_absurd_size_stops_no_mart(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102, size=2**63 - 1), revision(103, parentid=101))
    load(pipeline)
    assert [row[0] for row in core(pipeline, "page_id")] == [101, 103]
    assert mart(pipeline)[0] == 2
    pipeline.owner.execute(
        "UPDATE core.revision SET revision_size_bytes = 9223372036854775807, size_delta_bytes = -9223372036854775807 - 1"
    )
    assert mart(pipeline)[0] == 2


def test_g12_a_reading_that_did_not_come_to_its_end_is_not_replayed(pipeline: Pipeline, sandbox: Sandbox) -> None:
    wiki_says(sandbox, revision(101), revision(102))
    load(pipeline)
    whole = core(pipeline, "removed_at")
    wiki_says(sandbox, revision(101), **{"continue": {"rvcontinue": "20261005020000|102", "continue": "||"}})
    sandbox.faults.append(Fault(path="/w/api.php", when=lambda request: "rvcontinue" in request.params, status=500))
    broken_off = pipeline.run("wikipedia", *DAY)
    assert "HTTP 500" in broken_off.error
    load(pipeline, replay=True)
    assert core(pipeline, "removed_at") == whole


@pytest.mark.parametrize("seed", range(4))
def test_g12_the_order_of_publishing_does_not_matter(pipeline: Pipeline, sandbox: Sandbox, seed: int) -> None:
    """Of what the wiki says of five revisions, four times: the end is the same as in the order of the responses."""
    dice = random.Random(seed)
    runs = []
    for _ in range(4):
        said = []
        for revid in range(101, 106):
            if dice.random() < 0.75:
                hidden = dice.random() < 0.3
                said.append(
                    revision(
                        revid,
                        parentid=dice.choice((None, revid - 1)),
                        user=None if hidden else dice.choice("AB"),
                        userhidden=hidden,
                        **dice.choice(({}, {"size": 1500, "sha1": "bb"}, {"size": 0, "sha1": ""})),
                    )
                )
        wiki_says(sandbox, *said)
        runs.append(planned(pipeline, until="extract"))
    columns = (
        "revision_user, parent_id, revision_size_bytes, size_delta_bytes, sha1, removed_at, raw_id, wikipedia_page_id"
    )
    ends = set()
    for order in [tuple(range(4)), *dice.sample(list(itertools.permutations(range(4))), 3)]:
        pipeline.owner.execute("TRUNCATE core.revision, audit.published_response")
        pipeline.owner.execute("UPDATE audit.load SET status = 'extracted' WHERE NOT is_replay")
        for index in order:
            assert pipeline.finish(runs[index], since="transform").errors == {}
        ends.add(str([row[:6] for row in core(pipeline, columns)]))
    pipeline.owner.execute("TRUNCATE core.revision")
    load(pipeline, replay=True)
    ends.add(str([row[:6] for row in core(pipeline, columns)]))
    assert len(ends) == 1


def test_g12_a_deleted_page_keeps_its_id_though_the_response_that_knows_it_is_published_late(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    early = planned(pipeline)
    sandbox.now = sandbox.now + timedelta(days=1)
    sandbox.delete_page("New England")
    publish(pipeline, planned(pipeline))
    assert pipeline.rows("SELECT wikipedia_page_id, is_missing FROM core.wikipedia_page") == [(None, True)]
    publish(pipeline, early)
    known = pipeline.value("SELECT DISTINCT wikipedia_page_id FROM core.revision")
    assert known and pipeline.rows("SELECT wikipedia_page_id, is_missing FROM core.wikipedia_page") == [(known, True)]
