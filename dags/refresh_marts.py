"""
### refresh_marts: brings the marts up to date

Runs when a source published something, and once an hour in case an event got lost: what is due is read from the ledger
(`audit.load`), not from the events. What changed otherwise is due as well: a place's zone or name, rows that the owner deleted
(`audit.weather_daily_due`, `audit.mart_due`). A mart that is up to date is skipped; a manual run refreshes all. Readers are never
blocked.

A run that has not ended when all tries of all marts could have, two hours for two marts, is ended: the next one waits for it.

Each mart of each source has a task of its name; what a mart is made from and is not itself a fact, such as `core.weather_daily`, is
first made anew where it is due.
"""

from airflow.sdk import DAG, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable

from include.settings import read_settings
from include.sources import SOURCES
from plugins.alerts import tell_run_failed
from plugins.defaults import TASK_DEFAULTS, longer_than_all_tries, warehouse_asset
from plugins.operators.refresh import RefreshMartOperator

settings = read_settings()
published = [warehouse_asset("core", source.core_table) for source in SOURCES.values()]

with DAG(
    dag_id="refresh_marts",
    description="Refreshes the marts after what was published",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(settings.marts_schedule, timezone="UTC"), assets=AssetAny(*published)
    ),
    start_date=settings.start_date,
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,  # one refresh at a time: each reads a lot
    default_args=TASK_DEFAULTS,
    on_failure_callback=tell_run_failed,
    dagrun_timeout=longer_than_all_tries(sum(len(source.marts) for source in SOURCES.values())),
    tags=["mart"],
):
    for source in SOURCES.values():
        for mart in source.marts:
            RefreshMartOperator(
                task_id=mart.name, mart=mart, source=source.name, outlets=[warehouse_asset("mart", mart.name)]
            )
