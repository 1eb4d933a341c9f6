"""The doctor's checks: what of what was read is wrong, and that each is one line with a command."""

from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from include import doctor
from include.doctor import checks
from include.doctor.finding import LONGEST_LINE, Finding, State
from include.doctor.reading import Look, _address
from include.doctor.seen import (
    Activity,
    Dag,
    Disk,
    FailedRun,
    Fresh,
    LoadAt,
    Partitions,
    Processes,
    Service,
    Transaction,
    Versions,
)
from include.gaps import Gap
from include.windows import Window, longest_interval
from tests.unit.support import utc

NOW = utc("2026-11-20T12:30")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
GIB = 1 << 30

VERSIONS = Versions(160004, "PostgreSQL 16.4", "1001", "1001", "1.0.0", "3.3.2")
HEALTH: dict[str, str | None] = {
    "metadatabase": "healthy",
    "scheduler": "healthy",
    "dag_processor": "healthy",
    "triggerer": None,
}
LOAD = LoadAt(12, "weather", "weather", "manual__2026-11-20T10:00:00+00:00", False, 3, NOW - 3 * HOUR)
DAGS = [Dag(name, False, False, False) for name in ("weather", "wikipedia", "refresh_marts")]
FRESH = Fresh(
    "weather", "daily_weather", NOW - 12 * HOUR, 12 * HOUR, 25 * HOUR, False, NOW - HOUR, None, 2 * HOUR, False
)
OPEN = Transaction(4711, "dw_owner", "psql", "idle in transaction", 60.0, None, ())
GAP = Gap("weather", Window(utc("2026-11-03"), utc("2026-11-04")), "missing", ("Boston",), 2, None, None)
PARTS = Partitions("weather", 2, utc("2026-12-01"), utc("2026-11-20"))
WANTED = ("weather", "wikipedia", "refresh_marts")

GOOD: dict[str, Finding] = {
    "migrations": checks.migrations(VERSIONS, NOW),
    "versions": checks.versions(VERSIONS, NOW),
    "processes": checks.processes(Processes("http://x", HEALTH, True), NOW),
    "compose": checks.processes(Processes("http://x", HEALTH, None), NOW),
    "clock": checks.clock(timedelta(seconds=-59), NOW),
    "dags": checks.dags(DAGS, WANTED),
    "pools": checks.pools({"open_meteo": 1, "mediawiki": 3}, ("open_meteo", "mediawiki")),
    "connections": checks.connections({"warehouse": "", "mediawiki": "http://x"}, NOW),
    "services": checks.services([Service("mediawiki", "http://x", None)], NOW),
    "failed runs": checks.failed_runs([], NOW),
    "stuck runs": checks.stuck_runs([Activity("weather", 2, NOW - 29 * MINUTE)], NOW),
    "no runs": checks.stuck_runs([], NOW),
    "stuck loads": checks.stuck_loads([LOAD], NOW),
    "failed loads": checks.failed_loads([], NOW),
    "withheld": checks.withheld([], NOW),
    "quarantined": checks.quarantined([], NOW),
    "gaps": checks.gaps([], NOW),
    "data": checks.data([FRESH], NOW),
    "nothing due": checks.data([FRESH._replace(newest_data=None, data_age=None)], NOW),
    "marts": checks.marts([FRESH, FRESH._replace(mart=None)], NOW),
    "transactions": checks.transactions([OPEN], NOW),
    "hidden": checks.transactions([OPEN._replace(state=None, seconds=None)], NOW),
    "a short wait": checks.transactions([OPEN._replace(waits=59.0, blocked_by=(1,))], NOW),
    "partitions": checks.partitions([PARTS], NOW),
    "to the end": checks.partitions([PARTS._replace(needed=utc("2026-12-01"))], NOW),
    "no partition": checks.partitions([Partitions("weather", 0, None, None)], NOW),
    "disk": checks.disk(Disk("/data", 40 * GIB, 100 * GIB), NOW),
}

BAD: dict[str, tuple[Finding, str, str]] = {
    "migrations": (
        checks.migrations(Versions(160004, "", "1000", "1001", None, None), NOW),
        "at 1000, not 1001",
        "python -m include migrate",
    ),
    "later": (checks.migrations(Versions(160004, "", "1002", "1001", None, None), NOW), "later than 1001", "git pull"),
    "none": (
        checks.migrations(Versions(160004, "", "", "1001", None, None), NOW),
        "at nothing",
        "python -m include migrate",
    ),
    "postgres": (
        checks.versions(Versions(140010, "PostgreSQL 14.10", "1001", "1001", "1.0.0", "3.3.2"), NOW),
        "15 or newer",
        "psql",
    ),
    "airflow": (
        checks.versions(Versions(160004, "PostgreSQL 16.4", "1001", "1001", "1.0.0", "3.4.0"), NOW),
        "made for Airflow 3.3.2",
        "make install",
    ),
    "no answer": (checks.processes(Processes("http://x", None, True), NOW), "does not answer at http://x", "make up"),
    "scheduler": (
        checks.processes(Processes("http://x", HEALTH | {"scheduler": "unhealthy"}, True), NOW),
        "scheduler not healthy",
        "make up",
    ),
    "supervisord": (checks.processes(Processes("http://x", HEALTH, False), NOW), "supervisord is gone", "make up"),
    "paused": (
        checks.dags([DAGS[0]._replace(is_paused=True), *DAGS[1:]], WANTED),
        "weather paused",
        "airflow dags unpause weather",
    ),
    "stale": (
        checks.dags([DAGS[0]._replace(is_stale=True), *DAGS[1:]], WANTED),
        "weather not there",
        "airflow dags list-import-errors",
    ),
    "no dag": (checks.dags(DAGS[1:], WANTED), "weather not there", "airflow dags list-import-errors"),
    "broken": (
        checks.dags([DAGS[0]._replace(has_import_errors=True), *DAGS[1:]], WANTED),
        "cannot be read",
        "airflow dags list-import-errors",
    ),
    "no pool": (
        checks.pools({"open_meteo": 1}, ("open_meteo", "mediawiki")),
        "pool mediawiki missing",
        "airflow pools set mediawiki 1 mediawiki",
    ),
    "no slot": (
        checks.pools({"open_meteo": 0}, ("open_meteo",)),
        "without a slot",
        "airflow pools set open_meteo 1 open_meteo",
    ),
    "no connection": (
        checks.connections({"warehouse": "", "mediawiki": None}, NOW),
        "connection mediawiki missing",
        "make up",
    ),
    "silent": (
        checks.services([Service("mediawiki", "http://x", "no response in 2.5 s")], NOW),
        "mediawiki: no response",
        "curl -sSI http://x",
    ),
    "failed run": (
        checks.failed_runs([FailedRun("weather", "manual__1", NOW)] * 2, NOW),
        "2 runs failed, the last of weather",
        "airflow dags clear weather --run-id manual__1 --yes",
    ),
    "long name": (
        checks.failed_runs([FailedRun("weather", "x" * 61, NOW)], NOW),
        "1 run failed",
        "airflow dags list-runs weather --state failed",
    ),
    "stuck run": (
        checks.stuck_runs([Activity("weather", 2, NOW - 31 * MINUTE)], NOW),
        "nothing moved for 31 min",
        "airflow dags list-runs weather",
    ),
    "stuck load": (
        checks.stuck_loads([LOAD._replace(moved=NOW - 26 * HOUR)], NOW),
        "load 12 of weather for 26 h",
        "airflow dags list-runs weather",
    ),
    "failed load": (checks.failed_loads([LOAD], NOW), "1 load failed", "airflow dags clear weather"),
    "replay": (checks.failed_loads([LOAD._replace(is_replay=True)], NOW), "1 load failed", "python -m include gaps"),
    "withheld": (checks.withheld([LOAD, LOAD], NOW), "6 units by 2 loads", "airflow dags clear weather"),
    "quarantined": (
        checks.quarantined([LOAD], NOW),
        "3 rows by 1 load",
        "psql \"$WAREHOUSE_URL\" -c 'SELECT * FROM audit.quarantine WHERE load_id = 12'",
    ),
    "gaps": (
        checks.gaps([GAP, GAP], NOW),
        "2 missing, the first of weather [2026-11-03, 2026-11-04) UTC",
        "python -m include gaps",
    ),
    "late": (
        checks.data([FRESH._replace(is_data_late=True)], NOW),
        "weather is late, until 2026-11-20 00:30; at most 25 h old",
        "python -m include gaps",
    ),
    "never": (
        checks.data([FRESH._replace(is_data_late=True, newest_data=None)], NOW),
        "nothing yet",
        "python -m include gaps",
    ),
    "not noted": (checks.data([FRESH._replace(is_data_late=None)], NOW), "not noted", "python -m include migrate"),
    "no source": (checks.data([], NOW), "not noted", "python -m include migrate"),
    "no mart": (checks.marts([FRESH._replace(mart=None)], NOW), "no mart", "python -m include migrate"),
    "late mart": (
        checks.marts([FRESH._replace(is_mart_late=True, mart_due_since=NOW - 5 * HOUR)], NOW),
        "daily_weather has been due for 5 h",
        "airflow dags trigger refresh_marts",
    ),
    "old": (
        checks.transactions([OPEN, OPEN._replace(pid=5, seconds=1200.0)], NOW),
        "process 5, psql, idle in transaction open for 20 min",
        "SELECT pg_terminate_backend(5)",
    ),
    # Who waits for one that waits itself is not helped by ending that.
    "chain": (
        checks.transactions(
            [
                OPEN,
                OPEN._replace(pid=2, waits=61.0, blocked_by=(4711,)),
                OPEN._replace(pid=3, waits=90.0, blocked_by=(2,)),
            ],
            NOW,
        ),
        "2 waiting for dw_owner, process 4711, psql, idle in transaction",
        "SELECT pg_terminate_backend(4711)",
    ),
    "unseen": (
        checks.transactions([OPEN._replace(waits=61.0, blocked_by=(99,))], NOW),
        "1 waiting for process 99",
        "pg_terminate_backend(99)",
    ),
    "no month": (
        checks.partitions([PARTS._replace(end=utc("2026-11-01"))], NOW),
        "ends at 2026-11-01, 2026-11-20 is published",
        "python -m include gaps",
    ),
    "no months": (
        checks.partitions([PARTS._replace(parts=0, end=None)], NOW),
        "ends at nothing",
        "python -m include gaps",
    ),
    "clock ahead": (checks.clock(HOUR, NOW), "60 min ahead of PostgreSQL's", "timedatectl"),
    "clock behind": (checks.clock(-HOUR, NOW), "60 min behind PostgreSQL's", "timedatectl"),
    "small disk": (checks.disk(Disk("/data", GIB // 2, 10 * GIB), NOW), "0.5 of 10 GiB free", "du -sh /data"),
    "large disk": (checks.disk(Disk("/data", 4 * GIB, 100 * GIB), NOW), "4.0 of 100 GiB free", "du -sh /data"),
}


@pytest.mark.parametrize("finding", GOOD.values(), ids=GOOD)
def test_what_is_well(finding: Finding) -> None:
    assert (finding.state, finding.fix) == (State.GOOD, "")
    assert finding.text


@pytest.mark.parametrize(("finding", "text", "fix"), BAD.values(), ids=BAD)
def test_what_is_not_well_says_what_mends_it(finding: Finding, text: str, fix: str) -> None:
    assert finding.state == State.BAD
    assert text in finding.text
    assert fix in finding.fix
    line = finding.line("stuck loads")
    assert line.endswith(finding.fix) and len(line) < 160 and "\n" not in line


def test_a_command_is_typed_as_the_stack_of_the_process_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DW_COMMAND_PREFIX", "./airflow.sh")
    assert checks.quarantined([LOAD], NOW).fix.startswith("docker compose exec postgres psql -U dw_owner -d dw -c ")
    assert checks.failed_loads([LOAD], NOW).fix.startswith("./airflow.sh dags clear weather ")
    assert checks.gaps([GAP], NOW).fix == "./airflow.sh python -m include gaps"
    assert len(checks.quarantined([LOAD], NOW).line("quarantined")) < 160
    assert checks.disk(None, NOW).state == State.SKIPPED


def test_a_line_keeps_its_command_and_cuts_its_words() -> None:
    line = Finding(State.BAD, "many words\nand more " * 50, "make up").line("gaps")
    assert len(line) == LONGEST_LINE and line.endswith("…: make up") and line.startswith("bad  ")


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([State.GOOD, State.SKIPPED], 0),
        ([State.GOOD, State.BAD], 1),
        ([State.BAD, State.UNKNOWN], 2),
        ([State.UNKNOWN, State.GOOD], 2),
    ],
)
def test_the_exit_code(states: list[State], code: int) -> None:
    assert doctor.exit_code({str(number): Finding(state, "") for number, state in enumerate(states)}) == code


def test_every_check_has_a_name_that_fits() -> None:
    names = [check.name for check in doctor.CHECKS]
    assert len(set(names)) == len(names) and max(map(len, names)) < 13


def test_what_takes_too_long_or_goes_wrong_is_told_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(name: str, thread: str, read: Any) -> doctor.Check:
        return doctor.Check(name, thread, doctor.WAREHOUSE, read, checks.database)

    def wrong(_: Look) -> None:
        raise ValueError("odd")

    never = Event()
    monkeypatch.setattr(
        doctor,
        "CHECKS",
        (check("slow", "a", lambda _: never.wait(60)), check("wrong", "b", wrong), check("well", "b", lambda _: "it")),
    )
    monkeypatch.setattr(doctor, "BUDGET_SECONDS", 2)
    found = doctor.diagnose({}, NOW)
    never.set()
    assert {name: finding.state for name, finding in found.items()} == {
        "slow": State.UNKNOWN,
        "wrong": State.UNKNOWN,
        "well": State.GOOD,
    }
    assert found["wrong"].text == "ValueError: odd"


def test_without_any_setting_nothing_can_be_told_and_all_of_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.show({}, NOW, as_json=False) == 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(doctor.CHECKS)
    assert {line[:12].strip() for line in lines} == {"cannot tell", "skipped"}
    assert max(map(len, lines)) < 160


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('{"conn_type": "http", "host": "https://{language}.wikipedia.org"}', "https://{language}.wikipedia.org"),
        ('{"conn_type": "http", "host": "example.org", "schema": "https", "port": 444, "password": "x"}', "https://example.org:444"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090"),
        ("https://user:secret@example.org", "https://example.org"),
        ("http://example.org/https", "https://example.org"),
        ("http://https%3A%2F%2Fexample.org", "https://example.org"),
    ],
)  # fmt: skip
def test_the_address_of_a_connection_is_the_one_that_airflow_asks(text: str, address: str) -> None:
    assert _address(text) == address


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("@daily", timedelta(days=1)),
        ("15 * * * *", HOUR),
        ("0 6,18 * * *", 12 * HOUR),
        ("0 6,8 * * *", 22 * HOUR),
        ("0 0 * * 1-5", timedelta(days=3)),
        ("*/10 8-17 * * 1-5", timedelta(days=2, hours=14, minutes=10)),
        ("@monthly", timedelta(days=31)),
        ("0 0 29 2 *", timedelta(days=4 * 365 + 1)),
    ],
)
def test_the_longest_interval_of_a_schedule(schedule: str, expected: timedelta) -> None:
    assert longest_interval(schedule, NOW) == expected
