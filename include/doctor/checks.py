"""The checks: small functions of what was read and of the time, which say what is wrong and what mends it."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from include.command import PREFIX, starting, typed
from include.doctor.finding import Finding, again, bad, good, skipped, sql
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

RECENT = timedelta(days=7)
"""How far back what failed, was withheld or quarantined is looked for; coverage knows of all that is still lacking."""

IDLE_RUN = timedelta(minutes=30)
"""Longer than a task works. One that waits for its next try is left out: a service may ask it to wait until its day is over."""

IDLE_LOAD = timedelta(hours=25)
"""Longer than a service asks an extraction to wait."""

OLD_TRANSACTION_SECONDS = 15 * 60
"""Longer than the ten minutes that a task may take."""

LONG_WAIT_SECONDS = 60

CLOCKS_APART = timedelta(minutes=1)
"""Less is a clock that is being set right."""

OLDEST_POSTGRES = 15
AIRFLOW = "3.3.2"
"""Of which the tables are known."""

GIBIBYTE = 1 << 30


def database(name: str, _: datetime) -> Finding:
    """It answered with its name."""
    return good(f"{name} answers")


def migrations(seen: Versions, _: datetime) -> Finding:
    """The schema is the newest that this checkout knows."""
    if seen.schema == seen.newest_schema:
        return good(f"the schema is at {seen.schema}")
    if seen.schema > seen.newest_schema:
        return bad(
            f"the schema is at {seen.schema}, later than {seen.newest_schema}: use the release that migrated it",
            "git pull",
        )
    return bad(
        f"the schema is at {seen.schema or 'nothing'}, not {seen.newest_schema}", typed("python -m include migrate")
    )


def versions(seen: Versions, _: datetime) -> Finding:
    """PostgreSQL is new enough, and Airflow the one that this project is made for."""
    airflow = f"Airflow {seen.airflow}" if seen.airflow else "no Airflow here"
    told = f"project {seen.project or '?'}, schema {seen.schema}, {seen.postgres_name}, {airflow}"
    if seen.postgres < OLDEST_POSTGRES * 10_000:
        return bad(f"{told}: PostgreSQL {OLDEST_POSTGRES} or newer is needed", sql("SELECT version()"))
    if seen.airflow not in (None, AIRFLOW):
        return bad(f"{told}: made for Airflow {AIRFLOW}", _build())
    return good(told)


def clock(ahead: timedelta, _: datetime) -> Finding:
    """This machine and PostgreSQL's agree on what time it is: Airflow goes by the one, what is stored by the other."""
    if abs(ahead) > CLOCKS_APART:
        return bad(f"{ago(abs(ahead))} {'ahead of' if ahead > timedelta() else 'behind'} PostgreSQL's", "timedatectl")
    return good("agrees with PostgreSQL's")


def processes(seen: Processes, _: datetime) -> Finding:
    """All of Airflow's processes are healthy, and the local run has somebody who starts them again."""
    if seen.health is None:
        return bad(f"Airflow does not answer at {seen.address}", starting())
    # One that was never started has no state: the triggerer may be left out.
    ill = [name.replace("_", " ") for name, state in seen.health.items() if state not in ("healthy", None)]
    if ill:
        return bad(f"{', '.join(ill)} not healthy", starting())
    if seen.supervisord is False:
        return bad("supervisord is gone: nothing starts again what dies", starting())
    return good(", ".join(name.replace("_", " ") for name, state in seen.health.items() if state) + " healthy")


def dags(seen: Sequence[Dag], wanted: Sequence[str]) -> Finding:
    """All are there, can be read, and are not paused."""
    known = {dag.dag_id: dag for dag in seen}
    if broken := [name for name in wanted if name in known and known[name].has_import_errors]:
        return bad(f"{_and(broken)} cannot be read", typed("airflow dags list-import-errors"))
    if missing := [name for name in wanted if name not in known or known[name].is_stale]:
        return bad(f"{_and(missing)} not there", typed("airflow dags list-import-errors"))
    if paused := [name for name in wanted if known[name].is_paused]:
        return bad(f"{_and(paused)} paused", typed(f"airflow dags unpause {paused[0]}"))
    return good(f"{_and(wanted)} not paused")


def pools(seen: dict[str, int], wanted: Sequence[str]) -> Finding:
    """All are there with a slot at least."""
    if missing := [name for name in wanted if name not in seen]:
        return bad(f"pool {_and(missing)} missing", typed(f"airflow pools set {missing[0]} 1 {missing[0]}"))
    if empty := [name for name in wanted if seen[name] == 0]:
        return bad(f"pool {_and(empty)} without a slot", typed(f"airflow pools set {empty[0]} 1 {empty[0]}"))
    return good(", ".join(f"{name} {seen[name]}" for name in wanted))


def connections(seen: dict[str, str | None], _: datetime) -> Finding:
    """Airflow has all of them."""
    if missing := [name for name, address in seen.items() if address is None]:
        return bad(f"connection {_and(missing)} missing", starting())
    return good(_and(list(seen)))


def services(seen: Sequence[Service], _: datetime) -> Finding:
    """All answered, whatever they said."""
    if silent := [service for service in seen if service.problem]:
        first = silent[0]
        more = f" (and {len(silent) - 1} more)" if len(silent) > 1 else ""
        return bad(f"{first.connection_id}{more}: {first.problem}", f"curl -sSI {first.address}")
    return good(f"{_and([service.connection_id for service in seen])} answer")


def failed_runs(seen: Sequence[FailedRun], _: datetime) -> Finding:
    """None of the last days that has not been made up for."""
    if not seen:
        return good(f"none in {RECENT.days} days")
    last = seen[0]
    return bad(
        f"{_runs(len(seen))} failed, the last of {last.dag_id} at {last.ended:%m-%d %H:%M}",
        again(last.dag_id, last.run_id),
    )


def stuck_runs(seen: Sequence[Activity], now: datetime) -> Finding:
    """Wherever runs have not ended, one of them gets on."""
    if stuck := [dag for dag in seen if now - dag.moved > IDLE_RUN]:
        dag = max(stuck, key=lambda dag: now - dag.moved)
        return bad(
            f"{_runs(dag.active)} of {dag.dag_id} under way, nothing moved for {ago(now - dag.moved)}",
            typed(f"airflow dags list-runs {dag.dag_id} --state running"),
        )
    return good(f"{_runs(sum(dag.active for dag in seen))} under way" if seen else "none under way")


def stuck_loads(seen: Sequence[LoadAt], now: datetime) -> Finding:
    """All loads that have not ended get on, or others of their run do."""
    if stuck := [load for load in seen if now - load.moved > IDLE_LOAD]:
        load = stuck[0]
        return bad(
            f"{_loads(len(stuck))} not ended, load {load.load_id} of {load.source} for {ago(now - load.moved)}",
            # Its run may have been deleted.
            typed(f"airflow dags list-runs {load.dag_id}"),
        )
    return good(f"{_loads(len(seen))} under way" if seen else "none under way")


def failed_loads(seen: Sequence[LoadAt], _: datetime) -> Finding:
    """None of the last days that nothing has made up for."""
    if not seen:
        return good(f"none in {RECENT.days} days")
    load = seen[0]
    return bad(f"{_loads(len(seen))} failed, the last {load.load_id} of {load.source}", _mend(load))


def withheld(seen: Sequence[LoadAt], _: datetime) -> Finding:
    """No unit of the last days that nothing has made up for."""
    if not seen:
        return good(f"none in {RECENT.days} days")
    units = sum(load.number for load in seen)
    return bad(f"{units} units by {_loads(len(seen))}, the last {seen[0].load_id} of {seen[0].source}", _mend(seen[0]))


def quarantined(seen: Sequence[LoadAt], _: datetime) -> Finding:
    """No row of the last days that nothing has made up for."""
    if not seen:
        return good(f"none in {RECENT.days} days")
    rows, last = sum(load.number for load in seen), seen[0]
    return bad(
        f"{rows} rows by {_loads(len(seen))}", sql(f"SELECT * FROM audit.quarantine WHERE load_id = {last.load_id}")
    )


def gaps(seen: Sequence[Gap], _: datetime) -> Finding:
    """Nothing is missing of what is due, and nothing gone."""
    if not seen:
        return good("none")
    counted = {state: sum(gap.state == state for gap in seen) for state in dict.fromkeys(gap.state for gap in seen)}
    told = ", ".join(f"{count} {state}" for state, count in counted.items())
    return bad(f"{told}, the first of {seen[0].source} {seen[0].window}", typed("python -m include gaps"))


def data(seen: Sequence[Fresh], now: datetime) -> Finding:
    """The newest data of no source is older than its schedule allows."""
    if any(row.is_data_late is None for row in seen) or not seen:
        return bad("the schedules are not noted", typed("python -m include migrate"))
    if late := next((row for row in seen if row.is_data_late), None):
        newest = f"until {late.newest_data:%Y-%m-%d %H:%M}" if late.newest_data else "nothing yet"
        return bad(
            f"{late.source} is late, {newest}; at most {ago(late.max_data_age)} old", typed("python -m include gaps")
        )
    ages = {row.source: f"{ago(row.data_age)} old" if row.data_age is not None else "nothing due yet" for row in seen}
    return good(", ".join(f"{source} {age}" for source, age in ages.items()))


def marts(seen: Sequence[Fresh], now: datetime) -> Finding:
    """Each shows what was published, or has not been due for longer than its schedule allows."""
    known = [row for row in seen if row.mart]
    if not known:
        return bad("no mart is noted", typed("python -m include migrate"))
    if late := next((row for row in known if row.is_mart_late), None):
        assert late.mart_due_since  # nothing else makes it late
        waited = ago(now - late.mart_due_since)
        return bad(f"{late.mart} has been due for {waited}", typed("airflow dags trigger refresh_marts"))
    refreshed = {row.mart: row.mart_refreshed_at for row in known}
    return good(", ".join(f"{mart} {f'{ago(now - at)} ago' if at else 'never'}" for mart, at in refreshed.items()))


def transactions(seen: Sequence[Transaction], _: datetime) -> Finding:
    """Nobody waits for long, and no transaction is left open."""
    by_pid = {session.pid: session for session in seen}
    waiting = [session for session in seen if session.waits is not None and session.waits > LONG_WAIT_SECONDS]
    old = [session for session in seen if session.seconds is not None and session.seconds > OLD_TRANSACTION_SECONDS]
    # Whom all others wait for waits for nobody.
    heads = {pid for session in waiting for pid in session.blocked_by} - {session.pid for session in waiting}
    if waiting:
        pid = min(heads, default=waiting[0].pid)
        text = f"{len(waiting)} waiting for {_who(pid, by_pid.get(pid))}"
        return bad(text, sql(f"SELECT pg_terminate_backend({pid})"))
    if old:
        oldest = max(old, key=lambda session: session.seconds or 0)
        text = f"{_who(oldest.pid, oldest)} open for {ago(timedelta(seconds=oldest.seconds or 0))}"
        return bad(text, sql(f"SELECT pg_terminate_backend({oldest.pid})"))
    return good(f"{len(seen)} open, none of them old" if seen else "none open")


def partitions(seen: Sequence[Partitions], _: datetime) -> Finding:
    """There is a partition for all that is published; a publish makes those that it needs, and the next one."""
    for table in seen:
        if table.needed and (table.end is None or table.end < table.needed):
            end = f"{table.end:%Y-%m-%d}" if table.end else "nothing"
            text = f"core.{table.table} ends at {end}, {table.needed:%Y-%m-%d} is published"
            return bad(text, typed("python -m include gaps"))
    told = [f"core.{table.table} {table.parts}, until {table.end:%Y-%m-%d}" for table in seen if table.end]
    return good(f"{', '.join(told)}; a publish makes the next" if told else "none yet; a publish makes them")


def disk(seen: Disk | None, _: datetime) -> Finding:
    """There is room."""
    if seen is None:
        where = "docker compose exec postgres df -h /var/lib/postgresql/data" if _in_compose() else "df -h, where it is"
        return skipped(f"the data folder is not to be seen from here; {where}")
    told = f"{seen.free / GIBIBYTE:.1f} of {seen.total / GIBIBYTE:.0f} GiB free for {seen.folder}"
    if seen.free < max(GIBIBYTE, seen.total // 20):
        return bad(told, f"du -sh {seen.folder}")
    return good(told)


def ago(span: timedelta | None) -> str:
    """`45 s`, `12 min`, `5 h`, `3 days`"""
    seconds = max(0.0, span.total_seconds()) if span else 0.0
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _mend(load: LoadAt) -> str:
    """A replay that is run again reads the same responses again: the service has to be asked."""
    return typed("python -m include gaps") if load.is_replay else again(load.dag_id, load.run_id)


def _who(pid: int, session: Transaction | None) -> str:
    if session is None:
        return f"process {pid}"
    known = [session.role, f"process {pid}", session.application, session.state]
    return ", ".join(part for part in known if part)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _runs(count: int) -> str:
    return f"{count} run{'' if count == 1 else 's'}"


def _loads(count: int) -> str:
    return f"{count} load{'' if count == 1 else 's'}"


def _build() -> str:
    return "docker compose build && docker compose up -d" if _in_compose() else "make install && make up"


def _in_compose() -> bool:
    return bool(os.environ.get(PREFIX))
