"""audit.coverage says of every hour and every page's window since DW_START_DATE whether it is loaded and why not; `gaps` prints
what fills the rest.
"""

import re
import threading
from collections.abc import Callable
from datetime import datetime

import psycopg
import pytest

from include.__main__ import main
from include.gaps import Gap, commands, find_gaps, note_catchup, read_catchup
from include.settings import read_settings
from include.warehouse import run
from sandbox import Fault, Sandbox
from tests.conftest import REPO
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import Pipeline, utc, wait_for
from tests.warehouse.places import BOSTON, BOSTON_PAGE, NEW_ENGLAND, PHOENIX

START, END = "2024-11-16", "2024-11-19"
"""Long past: the view goes until the real now, whatever day the tests run."""

NOON = utc("2024-11-19T12:30")
BOSTON_AT = (42.3601, -71.0589)


@pytest.fixture
def loaded(pipeline: Pipeline) -> Pipeline:
    """Three days of two places and one page, all of them loaded."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    for dag_id in ("weather", "wikipedia"):
        assert pipeline.run(dag_id, START, END).errors == {}
    return pipeline


def coverage(pipeline: Pipeline, source: str = "weather", until: str = END) -> list[tuple[str, ...]]:
    """(subject, window, state, load_id, error) of what begins before `until`, and ends there at the latest."""
    return pipeline.rows(
        """
        SELECT subject, to_char(window_start, 'DD"T"HH24'), to_char(least(window_end, %s), 'DD"T"HH24'), state, load_id, error
        FROM audit.coverage WHERE source = %s AND window_start < %s ORDER BY subject, window_start
        """,
        utc(until),
        source,
        utc(until),
    )


def gaps(pipeline: Pipeline, now: datetime = NOON) -> list[Gap]:
    return find_gaps(pipeline.owner, read_catchup(pipeline.owner), now)


def commands_for(pipeline: Pipeline) -> list[str]:
    schedules = {catchup.source: catchup.schedule for catchup in read_catchup(pipeline.owner)}
    return commands(gaps(pipeline), schedules)


WHOLE = ("16T00", "19T00", "loaded", None, None)


def test_what_is_loaded_is_one_span_and_the_rest_up_to_now_another(loaded: Pipeline) -> None:
    assert coverage(loaded) == [("Boston", *WHOLE), ("Phoenix", *WHOLE)]
    assert coverage(loaded, "wikipedia") == [("en:New England", *WHOLE)]
    assert gaps(loaded) == []
    rest = loaded.rows(
        "SELECT DISTINCT source, state, window_start FROM audit.coverage WHERE window_end > %s", utc(END)
    )
    assert sorted(rest) == [("weather", "missing", utc(END)), ("wikipedia", "missing", utc(END))]


def test_a_source_that_was_taken_out_has_no_gaps_and_is_not_late(loaded: Pipeline) -> None:
    gone = "INSERT INTO audit.catchup (source, start_date, schedule, interval_seconds) VALUES ('river', %s, '@daily', 86400)"
    loaded.owner.execute(gone, [utc(START)])
    assert gaps(loaded) == []
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": START}))
    assert loaded.rows("SELECT DISTINCT source FROM audit.freshness ORDER BY 1") == [("weather",), ("wikipedia",)]


def test_spans_of_a_place_tile_from_the_start_date_until_the_hour_that_has_struck(loaded: Pipeline) -> None:
    loaded.owner.execute("DELETE FROM core.weather WHERE extract(hour FROM observed_at) IN (0, 5, 23)")
    with loaded.owner.transaction():  # in which it is the same now
        spans = loaded.rows("SELECT window_start, window_end FROM audit.coverage WHERE subject = 'Boston' ORDER BY 1")
        struck = loaded.value("SELECT date_trunc('hour', now()) + interval '1 hour'")
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert (spans[0][0], spans[-1][1]) == (utc(START), struck)


def test_deleted_hours_are_missing_and_the_borders_are_half_open(loaded: Pipeline) -> None:
    loaded.owner.execute(
        "DELETE FROM core.weather "
        "WHERE location_id = 1 AND observed_at >= '2024-11-16T23:00Z' AND observed_at < '2024-11-17T02:00Z'"
    )
    assert coverage(loaded)[:3] == [
        ("Boston", "16T00", "16T23", "loaded", None, None),
        ("Boston", "16T23", "17T02", "missing", None, None),
        ("Boston", "17T02", "19T00", "loaded", None, None),
    ]
    [gap] = gaps(loaded)
    assert (gap.state, gap.subjects, gap.followed) == ("missing", ("Boston",), 2)
    assert str(gap.window) == "[2024-11-16T23:00, 2024-11-17T02:00) UTC"
    assert commands_for(loaded) == [
        "airflow dags backfill weather -s 2024-11-16T00:00:00+00:00 -e 2024-11-17T00:00:00+00:00 -c '{}' --reset-dagruns --yes"
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_zone_of_the_session_does_not_matter(loaded: Pipeline, zone: str) -> None:
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at = '2024-11-17T05:00Z'")
    query = "SELECT * FROM audit.coverage ORDER BY 1, 2, 4"
    with loaded.owner.transaction():  # in which it is the same now
        expected = loaded.rows(query)
        loaded.owner.execute(f"SET LOCAL timezone TO '{zone}'")
        assert loaded.rows(query) == expected


def test_days_when_clocks_change_are_24_hours_as_any_other(pipeline: Pipeline) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": "2024-11-02"}))
    assert pipeline.run("weather", "2024-11-02", "2024-11-05").errors == {}
    assert [row[1:4] for row in coverage(pipeline, until="2024-11-05")] == [("02T00", "05T00", "loaded")] * 2


def test_places_that_share_a_gap_are_one(loaded: Pipeline) -> None:
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at >= '2024-11-17T00:00Z'")
    [gap] = gaps(loaded)
    assert (gap.subjects, gap.followed) == (("Boston", "Phoenix"), 2)
    assert commands_for(loaded) == [
        "airflow dags backfill weather -s 2024-11-17T00:00:00+00:00 -e 2024-11-18T00:00:00+00:00 -c '{}' --reset-dagruns --yes"
    ]


def test_a_window_whose_load_failed_says_so_until_a_later_load_fills_it(loaded: Pipeline, sandbox: Sandbox) -> None:
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at >= '2024-11-17T12:00Z'")
    sandbox.faults.append(Fault.bad_request("No such hours", times=None))
    run = loaded.run("weather", "2024-11-17", "2024-11-18")
    load_id = run.loads[0]["load_id"]
    boston = coverage(loaded)[:3]
    assert [row[1:5] for row in boston] == [
        ("16T00", "17T12", "loaded", None),
        ("17T12", "18T00", "failed", load_id),
        ("18T00", "19T00", "missing", None),
    ]
    assert "No such hours" in boston[1][5]
    sandbox.faults.clear()
    assert loaded.run("weather", "2024-11-17", "2024-11-18").errors == {}
    assert [row[3] for row in coverage(loaded)[:2]] == ["loaded", "missing"]


def test_the_queries_of_the_runbook_list_what_is_due_and_no_load_whose_window_was_filled_since(
    loaded: Pipeline, sandbox: Sandbox
) -> None:
    page = (REPO / "docs" / "runbook.md").read_text()
    coverage_query, load_query = re.findall(r'psql "\$WAREHOUSE_URL" -c "(SELECT .* FROM audit\.coverage .*)"', page)
    since_midnight = "UPDATE audit.catchup SET start_date = date_trunc('day', now(), 'UTC') WHERE source = 'wikipedia'"
    loaded.owner.execute(since_midnight.encode())
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at >= '2024-11-17T12:00Z'")
    sandbox.faults.append(Fault.bad_request("No such hours", times=None))
    failed = loaded.run("weather", "2024-11-17", "2024-11-18").loads[0]["load_id"]
    assert {row[0] for row in loaded.rows(coverage_query)} == {"weather"}
    assert "failed" in {row[5] for row in loaded.rows(coverage_query)}
    assert [row[0] for row in loaded.rows(load_query)] == [failed]
    sandbox.faults.clear()
    assert loaded.run("weather", "2024-11-17", "2024-11-18").errors == {}
    assert {row[5] for row in loaded.rows(coverage_query)} == {"missing"}
    assert loaded.rows(load_query) == []


def test_a_failed_load_whose_hours_are_there_is_not_a_gap(loaded: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(status=400, times=None))
    for dag_id in ("weather", "wikipedia"):
        assert loaded.run(dag_id, "2024-11-17", "2024-11-18").errors
    assert gaps(loaded) == []


def test_the_last_load_that_ended_decides_for_each_part_of_a_window(loaded: Pipeline) -> None:
    loaded.owner.execute("DELETE FROM core.weather")
    ids = [
        ledger(loaded, status, [1, 2], f"2024-11-{start}", f"2024-11-{end}", f"because of {start}")
        for status, start, end in [
            ("failed", "16", "18"),
            ("rejected", "17", "19"),
            ("published", "18T12", "18T18"),
            ("extracting", "16", "19"),
            ("superseded", "16", "19"),
        ]
    ]
    ledger(loaded, "published", [2], "2024-11-16", "2024-11-19")
    assert coverage(loaded) == [
        ("Boston", "16T00", "17T00", "failed", ids[0], "because of 16"),
        ("Boston", "17T00", "18T12", "failed", ids[1], "because of 17"),
        ("Boston", "18T12", "18T18", "missing", None, None),
        ("Boston", "18T18", "19T00", "failed", ids[1], "because of 17"),
        ("Phoenix", "16T00", "19T00", "missing", None, None),
    ]


def ledger(
    pipeline: Pipeline, status: str, subject_ids: list[int], start: str, end: str, error: str | None = None
) -> int:
    """A load of weather that stands like this in the ledger."""
    load_id: int = pipeline.value(
        "INSERT INTO audit.load (dag_id, run_id, map_index, source, subject_ids, window_start, window_end, status, error) "
        "VALUES ('weather', 'by hand', 0, 'weather', %s, %s, %s, %s, %s) RETURNING load_id",
        subject_ids,
        utc(start),
        utc(end),
        status,
        error,
    )
    return load_id


def test_a_quarantined_hour_names_its_load_and_limit_and_gets_no_command(pipeline: Pipeline, sandbox: Sandbox) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=BOSTON_AT, hour="2024-11-17T05:00"))
    run = pipeline.run("weather", START, END)
    assert run.errors == {}
    boston = [row[1:] for row in coverage(pipeline) if row[0] == "Boston"]
    assert boston[1] == (
        "17T05",
        "17T06",
        "quarantined",
        run.loads[0]["load_id"],
        "outside temperature_celsius -50..60",
    )
    assert [row[2] for row in (boston[0], boston[2])] == ["loaded", "loaded"]
    pipeline.owner.execute("DELETE FROM audit.catchup WHERE source = 'wikipedia'")
    assert [gap.state for gap in gaps(pipeline)] == ["quarantined"]
    assert commands_for(pipeline) == []
    sandbox.faults.clear()
    assert pipeline.run("weather", "2024-11-17", "2024-11-18").errors == {}
    assert gaps(pipeline) == []


def test_a_quarantined_hour_that_keeps_its_last_good_value_is_loaded(loaded: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=BOSTON_AT, hour="2024-11-17T05:00"))
    assert loaded.run("weather", START, END).errors == {}
    assert loaded.value("SELECT count(*) FROM audit.quarantine") == 1
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at = '2024-11-17T20:00Z'")
    boston = [row[1:4] for row in coverage(loaded) if row[0] == "Boston"]
    assert boston == [("16T00", "17T20", "loaded"), ("17T20", "17T21", "missing"), ("17T21", "19T00", "loaded")]


def test_a_page_is_loaded_where_a_load_of_it_was_published(loaded: Pipeline, sandbox: Sandbox) -> None:
    follow(loaded.owner, [BOSTON, PHOENIX], [NEW_ENGLAND, BOSTON_PAGE])
    sandbox.faults.append(Fault(path="/w/api.php", status=400, times=None))
    failed = loaded.run("wikipedia", "2024-11-16", "2024-11-17")
    assert [row[:5] for row in coverage(loaded, "wikipedia")] == [
        ("en:Boston", "16T00", "17T00", "failed", failed.loads[0]["load_id"]),
        ("en:Boston", "17T00", "19T00", "missing", None),
        ("en:New England", *WHOLE[:-1]),
    ]
    assert commands_for(loaded) == [
        "airflow dags backfill wikipedia -s 2024-11-16T00:00:00+00:00 -e 2024-11-18T00:00:00+00:00 -c '{}' --reset-dagruns --yes"
    ]
    loaded.owner.execute(
        "UPDATE audit.load SET status = 'extracting' WHERE source = 'wikipedia' AND status = 'published'"
    )
    assert coverage(loaded, "wikipedia")[-1] == ("en:New England", *WHOLE)


def test_a_replay_covers_no_more_than_the_responses_that_it_found(pipeline: Pipeline) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    assert pipeline.run("wikipedia", "2024-11-16", "2024-11-17").errors == {}
    assert pipeline.run("wikipedia", START, END, conf={"replay": True}).errors == {}
    part, rest = ("16T00", "17T00", "loaded", None, None), ("17T00", "19T00", "missing", None, None)
    assert coverage(pipeline, "wikipedia") == [("en:New England", *part), ("en:New England", *rest)]
    # The replay alone, as when what asked first had failed after its extraction.
    pipeline.owner.execute("UPDATE audit.load SET published_at = NULL, status = 'failed' WHERE NOT is_replay")
    assert coverage(pipeline, "wikipedia") == [("en:New England", *part), ("en:New England", *rest)]


def unit_of(
    pipeline: Pipeline, load_id: int, subject_id: int, start: str, end: str, seen: str, raw_id: int = 1
) -> None:
    """A unit that a load of weather withheld."""
    pipeline.owner.execute(
        "INSERT INTO audit.withheld (load_id, source, subject_id, span_start, span_end, expectation, observed, raw_ids) "
        "VALUES (%s, 'weather', %s, %s, %s, 'some check', %s, %s)",
        [load_id, subject_id, utc(start), utc(end), seen, [raw_id]],
    )
    pipeline.owner.execute("UPDATE audit.load SET units_withheld = 1 WHERE load_id = %s", [load_id])


def test_days_that_a_load_withheld_for_the_same_reason_are_one_span(loaded: Pipeline) -> None:
    loaded.owner.execute("DELETE FROM core.weather WHERE location_id = 1")
    load_id = ledger(loaded, "published", [1], START, END)
    for day in (16, 17, 18):
        unit_of(loaded, load_id, 1, f"2024-11-{day}", f"2024-11-{day + 1}", "none" if day < 18 else "few", day)
    assert coverage(loaded)[:2] == [
        ("Boston", "16T00", "18T00", "failed", load_id, "none, expected some check"),
        ("Boston", "18T00", "19T00", "failed", load_id, "few, expected some check"),
    ]


def test_of_withheld_units_that_overlap_the_newest_response_tells_and_the_spans_tile(loaded: Pipeline) -> None:
    """As a replay has them."""
    loaded.owner.execute("DELETE FROM core.weather WHERE location_id = 1")
    load_id = ledger(loaded, "published", [1], START, END)
    unit_of(loaded, load_id, 1, "2024-11-16", "2024-11-18", "oldest", 1)
    unit_of(loaded, load_id, 1, "2024-11-16T06", "2024-11-17", "newest", 3)
    unit_of(loaded, load_id, 1, "2024-11-16T12", "2024-11-18T12", "newer", 2)
    unit_of(loaded, load_id, 1, "2024-11-18T12", "2024-11-19", "apart", 1)
    assert [(*row[1:4], row[5].split(",")[0]) for row in coverage(loaded) if row[0] == "Boston"] == [
        ("16T00", "16T06", "failed", "oldest"),
        ("16T06", "17T00", "failed", "newest"),
        ("17T00", "18T12", "failed", "newer"),
        ("18T12", "19T00", "failed", "apart"),
    ]


def test_each_place_of_a_rejected_load_has_its_own_reason(pipeline: Pipeline, sandbox: Sandbox) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=BOSTON_AT))
    sandbox.faults.append(Fault.absurd("relative_humidity_2m", 200, place=(33.4484, -112.074)))
    run = pipeline.run("weather", START, "2024-11-18")
    assert "nothing of it is published" in run.error
    boston, _, phoenix, _ = coverage(pipeline)
    assert boston[:4] == ("Boston", "16T00", "18T00", "failed")
    assert phoenix[:4] == ("Phoenix", "16T00", "18T00", "failed")
    assert boston[5].startswith("temperature_2m in °F, expected units_as_expected") and "Phoenix" not in boston[5]
    assert phoenix[5].startswith("too many set aside: 24, expected few_hours_set_aside") and "Boston" not in phoenix[5]


def test_a_day_that_is_withheld_for_its_many_quarantined_hours_is_one_span(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    """They are quarantined too, but it is the day that is to be fetched."""
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    for hour in range(3, 7):
        sandbox.faults.append(Fault.absurd("temperature_2m", 99, place=BOSTON_AT, hour=f"2024-11-16T0{hour}:00"))
    assert "few_hours_set_aside" in pipeline.run("weather", START, "2024-11-18").error
    boston = [row[1:4] for row in coverage(pipeline, until="2024-11-18") if row[0] == "Boston"]
    assert boston == [("16T00", "17T00", "failed"), ("17T00", "18T00", "loaded")]


def test_a_load_that_left_out_many_says_how_many_more(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=BOSTON_AT))
    pipeline.run("weather", "2026-10-01", "2026-10-24")
    error = pipeline.value("SELECT error FROM audit.load")
    assert error.startswith("Boston [2026-10-01, 2026-10-02) UTC: temperature_2m in °F; Boston [2026-10-02, ")
    assert error.count("°F") == 20
    assert error.endswith("; and 3 more, see audit.withheld")


@pytest.mark.parametrize("dag_id", ["weather", "wikipedia"])
def test_what_a_replay_has_no_response_of_keeps_the_reason_of_the_load_that_asked(
    pipeline: Pipeline, sandbox: Sandbox, dag_id: str
) -> None:
    note_catchup(pipeline.owner, read_settings({"DW_START_DATE": START}))
    assert pipeline.run(dag_id, START, "2024-11-17").errors == {}
    sandbox.faults.append(Fault(path="/", status=400, times=None))
    failed = pipeline.run(dag_id, "2024-11-17", "2024-11-18").loads[0]["load_id"]
    before = coverage(pipeline, dag_id)
    assert [row[3] for row in before[:3]] == ["loaded", "failed", "missing"] and before[1][4] == failed
    assert pipeline.run(dag_id, START, END, conf={"replay": True}).errors == {}
    assert pipeline.run(dag_id, "2024-11-17", END, conf={"replay": True}).errors
    assert coverage(pipeline, dag_id) == before


def test_who_is_followed_now_is_missing_since_the_start_date_and_who_is_not_any_more_is_left_out(
    loaded: Pipeline,
) -> None:
    follow(loaded.owner, [BOSTON], [BOSTON_PAGE])
    assert [gap.subjects for gap in gaps(loaded)] == [("en:Boston",)]
    assert [row[0] for row in coverage(loaded)] == ["Boston"]
    assert [row[:4] for row in coverage(loaded, "wikipedia")] == [("en:Boston", "16T00", "19T00", "missing")]


@pytest.mark.parametrize("since", ["2024-11-18", "2024-11-17T06:30"])
def test_what_was_loaded_before_the_start_date_and_is_gone_is_a_gap_of_its_own(
    loaded: Pipeline, sandbox: Sandbox, since: str
) -> None:
    sandbox.faults.append(Fault.unit("temperature_2m", "°F", place=BOSTON_AT))
    assert loaded.run("weather", "2024-11-10", "2024-11-11").errors  # never loaded of Boston, so it is not gone
    sandbox.faults.clear()
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": since}))
    assert gaps(loaded) == []
    loaded.owner.execute(
        "DELETE FROM core.weather WHERE location_id = 1 AND observed_at IN ('2024-11-16T05:00Z', '2024-11-16T06:00Z')"
    )
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at < '2024-11-11T00:00Z'")
    assert [(gap.state, str(gap.window), gap.subjects, gap.followed) for gap in gaps(loaded)] == [
        ("gone", "[2024-11-10, 2024-11-11) UTC", ("Phoenix",), 2),
        ("gone", "[2024-11-16T05:00, 2024-11-16T07:00) UTC", ("Boston",), 2),
    ]
    assert commands_for(loaded) == [
        f"""airflow dags trigger weather -c '{{"start_date": "2024-11-{start}:00+00:00", "end_date": "2024-11-{end}:00+00:00"}}'"""
        for start, end in (("10T00:00", "11T00:00"), ("16T05:00", "16T07:00"))
    ]
    for start, end in (("2024-11-10", "2024-11-11"), ("2024-11-16T05:00", "2024-11-16T07:00")):
        assert loaded.run("weather", start, end).errors == {}
    assert gaps(loaded) == []
    follow(loaded.owner, [PHOENIX], [NEW_ENGLAND])
    loaded.owner.execute("DELETE FROM core.weather WHERE location_id = 1")
    assert gaps(loaded) == []


def test_what_is_gone_on_both_sides_of_the_start_date_is_two_gaps_that_touch(loaded: Pipeline) -> None:
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2024-11-17"}))
    loaded.owner.execute("TRUNCATE core.weather")
    assert [(gap.state, str(gap.window)) for gap in gaps(loaded)] == [
        ("gone", "[2024-11-16, 2024-11-17) UTC"),
        ("missing", "[2024-11-17, 2024-11-19) UTC"),
    ]


def test_days_of_which_somebody_deleted_revisions_are_missing_until_they_are_read_again(loaded: Pipeline) -> None:
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2024-11-18"}))
    for revision_id, moment in enumerate(("2024-11-17T13:00Z", "2024-11-18T10:00Z")):
        add_revision(loaded, revision_id, moment)
    loaded.owner.execute("DELETE FROM core.revision WHERE revision_timestamp >= '2024-11-17T12:00Z'")
    assert [(gap.state, gap.subjects, str(gap.window)) for gap in gaps(loaded)] == [
        ("gone", ("en:New England",), "[2024-11-17, 2024-11-18) UTC"),
        ("missing", ("en:New England",), "[2024-11-18, 2024-11-19) UTC"),
    ]
    assert loaded.run("wikipedia", "2024-11-17", "2024-11-18").errors == {}
    assert loaded.run("wikipedia", "2024-11-18", "2024-11-19", conf={"replay": True}).errors == {}
    assert gaps(loaded) == []
    loaded.owner.execute("TRUNCATE core.revision")
    assert [str(gap.window) for gap in gaps(loaded)] == ["[2024-11-16, 2024-11-18) UTC", "[2024-11-18, 2024-11-19) UTC"]


def test_a_load_that_is_published_again_without_a_page_brings_none_of_its_deleted_days_back(
    loaded: Pipeline, sandbox: Sandbox
) -> None:
    follow(loaded.owner, [BOSTON], [NEW_ENGLAND, BOSTON_PAGE])
    again = loaded.run("wikipedia", "2024-11-17", "2024-11-18")
    assert again.errors == {}
    add_revision(loaded, 1, "2024-11-17T13:00Z")
    loaded.owner.execute("DELETE FROM core.revision WHERE page_id = 1 AND revision_timestamp >= '2024-11-17T12:00Z'")
    sandbox.faults.append(Fault(path="/w/api.php", status=400, times=None, when=lambda request: "New" in request.query))
    assert loaded.finish(again).errors  # published, but for the page
    sandbox.faults.clear()
    assert "17T00" in [
        row[1] for row in coverage(loaded, "wikipedia") if row[0] == "en:New England" and row[3] != "loaded"
    ]


def test_a_deletion_and_a_publish_of_the_same_page_take_turns(loaded: Pipeline, database: Callable[[str], str]) -> None:
    """One that began before the other was committed would not see it, and count what is not there."""
    add_revision(loaded, 1, "2024-11-17T13:00Z")
    [(load_id,)] = loaded.rows("SELECT load_id FROM audit.load WHERE source = 'wikipedia'")
    delete = "DELETE FROM core.revision WHERE page_id = 1 AND revision_timestamp >= '2024-11-17T12:00Z'"
    with (
        psycopg.connect(database("dw_owner"), autocommit=True) as owner,
        psycopg.connect(database("dw_owner")) as publish,
    ):
        run(publish, "pages/lock.sql", {"load_id": load_id})
        deletion = threading.Thread(target=owner.execute, args=(delete.encode(),))
        deletion.start()
        waits = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = %s"
        wait_for(lambda: loaded.value(waits, owner.info.backend_pid))
        publish.execute("UPDATE audit.load SET published_at = clock_timestamp() WHERE load_id = %s", [load_id])
        publish.execute("UPDATE audit.published_response SET published_at = clock_timestamp()")
        publish.commit()
        deletion.join()
    assert "17T00" in [row[1] for row in coverage(loaded, "wikipedia") if row[3] == "missing"]


def add_revision(pipeline: Pipeline, revision_id: int, moment: str) -> None:
    """A revision of the page, as the owner puts it in."""
    pipeline.owner.execute(
        "INSERT INTO core.revision (page_id, revision_id, revision_timestamp, is_minor, is_anonymous, is_temporary, tags, raw_id, "
        "load_id) VALUES (1, %s, %s, false, false, false, '{}', 1, 1)",
        [revision_id, moment],
    )


def test_what_is_not_due_yet_is_not_a_gap(loaded: Pipeline) -> None:
    assert gaps(loaded, utc("2024-11-19T23:59")) == []
    assert [str(gap.window) for gap in gaps(loaded, utc("2024-11-20"))] == ["[2024-11-19, 2024-11-20) UTC"] * 2
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2024-11-20"}))
    assert gaps(loaded) == []


def test_a_start_date_in_the_future_or_in_the_middle_of_an_hour(loaded: Pipeline) -> None:
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2024-11-16T06:30"}))
    assert [row[1] for row in coverage(loaded)] == ["16T07"] * 2
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2999-01-01"}))
    assert loaded.rows("SELECT * FROM audit.coverage") == []
    assert gaps(loaded) == []


@pytest.mark.parametrize("role", ["dw_loader", "dw_reader"])
def test_loader_and_reader_may_read_coverage_and_not_say_what_is_due(role: str, database: Callable[[str], str]) -> None:
    with psycopg.connect(database(role)) as connection:
        connection.execute("SELECT * FROM audit.coverage")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("INSERT INTO audit.catchup VALUES ('weather', now(), '@daily')")


def test_the_view_and_its_columns_are_explained(owner: psycopg.Connection) -> None:
    query = """
        SELECT attname FROM pg_attribute
        WHERE attrelid = %s::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL
    """
    for relation in ("audit.coverage", "audit.catchup"):
        assert owner.execute(query, [relation]).fetchall() == []


def test_the_command_lists_gaps_and_what_fills_them(
    loaded: Pipeline,
    database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # It goes by the real clock, which is past END and no one knows by how much.
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": START, "DW_WIKIPEDIA_SCHEDULE": "0 0 1 1 *"}))
    loaded.owner.execute("DELETE FROM core.weather WHERE observed_at = '2024-11-17T05:00Z'")
    assert main(["gaps"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r" {2,}", lines[1].strip()) == [
        "weather",
        "all 2 places",
        "[2024-11-17T05:00, 2024-11-17T06:00) UTC",
        "1 hour",
        "missing",
    ]
    assert (
        "airflow dags backfill weather -s 2024-11-17T00:00:00+00:00 -e 2024-11-17T00:00:00+00:00 -c '{}' --reset-dagruns --yes"
        in lines[lines.index("To fill them:") :]
    )


def test_without_gaps_the_command_says_what_it_looked_at(
    loaded: Pipeline,
    database: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
    note_catchup(loaded.owner, read_settings({"DW_START_DATE": "2999-01-01"}))
    assert main(["gaps"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "weather: nothing is due yet",
        "wikipedia: nothing is due yet",
    ]


def test_migrate_notes_the_settings_and_notes_them_again_when_they_change(
    database: Callable[[str], str], owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAREHOUSE_URL", database("dw_owner"))
    for day, schedule in (("2024-11-01", "@daily"), ("2024-02-29", "0 6 * * *")):
        monkeypatch.setenv("DW_START_DATE", day)
        monkeypatch.setenv("DW_WEATHER_SCHEDULE", schedule)
        assert main(["migrate"]) == 0
        rows = owner.execute("SELECT source, start_date, schedule FROM audit.catchup ORDER BY 1").fetchall()
        assert rows == [("weather", utc(day), schedule), ("wikipedia", utc(day), "@daily")]


@pytest.mark.parametrize(
    ("url", "prepare", "reason"),
    [
        (None, "", "WAREHOUSE_URL is not set"),
        ("postgresql://dw_owner@127.0.0.1:1/dw", "", "does not answer, `make up` starts it"),
        ("dw_owner", "DROP TABLE audit.catchup CASCADE", "python -m include migrate"),
        ("dw_owner", "DROP SCHEMA audit CASCADE", "python -m include migrate"),
        ("dw_owner", "DELETE FROM audit.catchup", "python -m include migrate"),
        ("dw_reader", "REVOKE SELECT ON audit.catchup FROM dw_reader", "permission denied"),
    ],
)
def test_what_keeps_it_from_telling_is_one_line(
    url: str | None,
    prepare: str,
    reason: str,
    database: Callable[[str], str],
    owner: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for part in filter(None, prepare.split("; ")):
        owner.execute(part)
    if url:
        monkeypatch.setenv("WAREHOUSE_URL", url if "://" in url else database(url))
    assert main(["gaps"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("gaps: ") and told.err.count("\n") == 1
    assert reason in told.err
