"""Our own metrics, beside those of Airflow and by the same way: off unless Airflow's `[metrics]` are switched on."""

import logging

import psycopg
from airflow.sdk import conf
from airflow.sdk.observability import stats

from include.command import one_line
from include.doctor.seen import Fresh
from include.source import Mart
from include.warehouse import Connection, now_of, run

log = logging.getLogger(__name__)

SWITCHES = ("otel_on", "statsd_on", "statsd_datadog_enabled")


def are_on() -> bool:
    """Whether anybody is told."""
    return any(conf.getboolean("metrics", name, fallback=False) for name in SWITCHES)


def count(source: str, **counts: int) -> None:
    """Adds to the counters `dw.<name>` of a source."""
    for name, number in counts.items():
        stats.incr(f"dw.{name}", number, tags={"source": source})


def tell_ages(connection: Connection, mart: Mart) -> None:
    """The ages, in seconds, of a mart and of the data of its source. What keeps it from that is a line of the log."""
    if not are_on():
        return
    try:
        rows = [row for seen in run(connection, "ops/doctor_freshness.sql") if (row := Fresh(*seen)).mart == mart.name]
        if not rows:
            return
        now = now_of(connection)
    except psycopg.Error as error:
        log.warning("no metrics of %s: %s", mart.name, one_line(error))
        return
    for seen in rows:
        if seen.data_age is not None:
            stats.gauge("dw.data_age_seconds", seen.data_age.total_seconds(), tags={"source": seen.source})
        tags = {"source": seen.source, "mart": mart.name}
        if seen.mart_refreshed_at:
            stats.gauge("dw.mart_age_seconds", (now - seen.mart_refreshed_at).total_seconds(), tags=tags)
        waits = (now - seen.mart_due_since).total_seconds() if seen.mart_due_since else 0.0
        stats.gauge("dw.mart_due_seconds", max(0.0, waits), tags=tags)
