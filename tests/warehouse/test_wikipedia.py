"""Wikipedia from response to mart: paging, the type-2 history of pages, hidden users, size changes."""

from datetime import timedelta
from pathlib import Path

import pytest

from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import Pipeline, snapshot, utc
from tests.warehouse.places import NEW_ENGLAND

WINDOW = ("2026-10-05", "2026-10-07")


def load(pipeline: Pipeline, *window: str) -> None:
    assert pipeline.run("wikipedia", *(window or WINDOW)).errors == {}


def later(sandbox: Sandbox) -> None:
    """A day passes, at the services and in the pipeline."""
    sandbox.now = sandbox.now + timedelta(days=1)


def versions(pipeline: Pipeline) -> list[tuple[object, ...]]:
    """Title, namespace, redirect, missing, current: in the order of time."""
    return pipeline.rows(
        "SELECT page_title, namespace, is_redirect, is_missing, is_current FROM core.wikipedia_page ORDER BY valid_from"
    )


def test_501_revisions_and_more_are_paged_through(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.add_revisions("New England", utc("2026-10-05T10"), 1203, 7)
    load(pipeline)
    assert len(sandbox.requests) == 3
    assert pipeline.value("SELECT count(*) FROM raw.wikipedia_pages") == 3
    stamped = "revision_timestamp BETWEEN '2026-10-05T10:00Z' AND '2026-10-05T12:21Z'"
    assert pipeline.value(f"SELECT count(*) FROM core.revision WHERE {stamped}") >= 1203


def test_a_rename_ends_one_version_of_the_page_and_begins_the_next(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    before = pipeline.value("SELECT count(*) FROM core.revision")
    later(sandbox)
    sandbox.move_page("New England", "New England (region)")
    load(pipeline)
    assert versions(pipeline) == [
        ("New England", 0, False, False, False),
        ("New England (region)", 0, False, False, True),
    ]
    assert pipeline.value("SELECT count(DISTINCT wikipedia_page_id) FROM core.wikipedia_page") == 1
    assert pipeline.value("SELECT count(*) FROM core.revision") == before
    assert pipeline.value(
        "SELECT count(*) FROM core.wikipedia_page AS a JOIN core.wikipedia_page AS b ON a.valid_to = b.valid_from"
    ) == 1  # fmt: skip
    later(sandbox)
    load(pipeline)
    assert sandbox.requests[-1].params["titles"] == "New England (region)"
    assert len(versions(pipeline)) == 2


def test_a_page_moved_in_the_middle_of_a_window_is_one_page(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.now = utc("2026-10-06T00:00:30")
    sandbox.move_page("New England", "New England (region)")
    later(sandbox)
    load(pipeline)
    assert pipeline.value("SELECT count(DISTINCT page_id) FROM core.revision") == 1
    span = pipeline.rows(
        "SELECT min(revision_timestamp)::date::text, max(revision_timestamp)::date::text FROM core.revision"
    )
    assert span == [("2026-10-05", "2026-10-06")]
    assert versions(pipeline) == [("New England (region)", 0, False, False, True)]


def test_a_move_without_a_redirect_is_followed_by_page_id(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    later(sandbox)
    sandbox.move_page("New England", "Elsewhere", leave_redirect=False)
    load(pipeline)
    assert [row[0] for row in versions(pipeline)] == ["New England", "Elsewhere"]
    assert "pageids" in sandbox.requests[-1].params


def test_a_change_of_namespace_is_a_new_version(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    later(sandbox)
    sandbox.change_namespace("New England", 118)
    load(pipeline)
    assert [(row[1], row[4]) for row in versions(pipeline)] == [(0, False), (118, True)]


def test_a_deleted_page_is_reported_and_its_history_kept(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    facts = snapshot(pipeline)["core.revision"]
    later(sandbox)
    sandbox.delete_page("New England")
    load(pipeline)
    assert versions(pipeline) == [("New England", 0, False, False, False), ("New England", 0, False, True, True)]
    warning = pipeline.rows("SELECT expectation, severity, sample FROM audit.validation_result WHERE NOT success")
    assert [(row[0], row[1]) for row in warning] == [("every_page_exists", "warning")]
    assert "missing" in str(warning[0][2]) and "New England" in str(warning[0][2])
    assert snapshot(pipeline)["core.revision"] == facts


def test_a_page_that_never_existed_is_reported(pipeline: Pipeline) -> None:
    from include.seeds import SeedPage

    follow(pipeline.owner, [], [SeedPage("NonExistent page", "en"), NEW_ENGLAND])
    load(pipeline)
    assert pipeline.rows("SELECT page_title, wikipedia_page_id FROM core.wikipedia_page WHERE is_missing") == [
        ("NonExistent page", None)
    ]
    assert pipeline.value("SELECT count(*) FROM core.revision") > 0


def test_a_page_that_became_a_redirect_keeps_its_own_history_only(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    mine = {row[0] for row in pipeline.rows("SELECT revision_id FROM core.revision")}
    later(sandbox)
    sandbox.add_revisions("Northeast", utc("2026-10-05T11"), 5)
    sandbox.redirect_page("New England", "Northeast")
    load(pipeline)
    assert versions(pipeline)[-1] == ("New England", 0, True, False, True)
    assert {row[0] for row in pipeline.rows("SELECT revision_id FROM core.revision")} == mine


def test_a_user_hidden_later_is_blanked_on_the_next_reading(pipeline: Pipeline, sandbox: Sandbox) -> None:
    load(pipeline)
    revision, user = pipeline.rows("SELECT revision_id, revision_user FROM core.revision ORDER BY revision_id LIMIT 1")[
        0
    ]
    assert user
    sandbox.hide_user(revision)
    load(pipeline)
    assert pipeline.rows("SELECT revision_user, is_anonymous FROM core.revision WHERE revision_id = %s", revision) == [
        (None, False)
    ]
    assert pipeline.value("SELECT rows_changed FROM audit.load ORDER BY load_id DESC LIMIT 1") == 1


def test_size_changes_are_against_the_parent(pipeline: Pipeline) -> None:
    load(pipeline)
    wrong = pipeline.value(
        "SELECT count(*) FROM core.revision AS child JOIN core.revision AS parent "
        "ON parent.page_id = child.page_id AND parent.revision_id = child.parent_id "
        "WHERE child.size_delta_bytes IS DISTINCT FROM child.revision_size_bytes - parent.revision_size_bytes"
    )
    assert wrong == 0
    assert pipeline.value("SELECT count(*) FROM core.revision WHERE size_delta_bytes IS NULL") == 1


def test_a_creation_counts_its_whole_size(pipeline: Pipeline, recorded: Path, sandbox: Sandbox) -> None:
    real = (recorded / "mediawiki" / "revisions_fv2_first_revision_cat.json").read_bytes()
    sandbox.faults.append(Fault(path="/w/api.php", rewrite=lambda body: real))
    load(pipeline, "2001-10-31", "2001-11-01")
    assert pipeline.rows(
        "SELECT revision_id, parent_id, revision_timestamp, revision_user, is_minor, revision_size_bytes, size_delta_bytes "
        "FROM core.revision"
    ) == [(233192, 0, utc("2001-10-31T22:03:49"), "Conversion script", False, 2412, 2412)]
    assert pipeline.rows("SELECT wikipedia_page_id, page_title FROM core.wikipedia_page") == [(6678, "Cat")]


def test_the_mart_counts_what_the_facts_say(pipeline: Pipeline) -> None:
    load(pipeline)
    pipeline.refresh_marts()
    wrong = pipeline.rows(
        """
        SELECT revision_date, revision_count, unique_editors, total_bytes_changed FROM mart.daily_wikipedia_page_stats
        EXCEPT
        SELECT
            revision_timestamp::date, count(*), count(DISTINCT revision_user), sum(abs(size_delta_bytes))
        FROM core.revision GROUP BY 1
        """
    )
    assert wrong == []
    assert pipeline.value("SELECT count(*) FROM mart.daily_wikipedia_page_stats") == 2


@pytest.mark.parametrize("title", ['O\'Hare "Field"', "100% $; DROP TABLE core.revision; --", "🗽/Liberty & Co?"])
def test_a_title_is_only_data(pipeline: Pipeline, sandbox: Sandbox, title: str) -> None:
    from include.seeds import SeedPage

    follow(pipeline.owner, [], [SeedPage(title, "en")])
    sandbox.add_revisions(title, utc("2026-10-05T11"), 5)
    load(pipeline)
    assert sandbox.requests[-1].params["titles"] == title
    assert pipeline.rows("SELECT page_title FROM core.wikipedia_page") == [(title,)]
    assert pipeline.value("SELECT count(*) FROM core.revision") >= 5
