"""
### refresh_marts: brings the marts up to date

Runs when a source published something, and once an hour in case an event got lost: what is due is read from the ledger
(`audit.load`), not from the events. What changed otherwise is due as well: a place's zone or name, rows that the owner deleted
(`audit.weather_daily_due`, `audit.mart_due`). A mart that is up to date is skipped; a manual run refreshes all. Readers are never
blocked.

| task | mart | made from |
|---|---|---|
| `daily_weather_aggregates` | `mart.daily_weather_aggregates` | `core.weather_daily`, first made anew where it is due |
| `daily_wikipedia_page_stats` | `mart.daily_wikipedia_page_stats` | `core.revision` |
"""

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from include.rollup import roll_up_due_days
from include.settings import read_settings
from plugins.defaults import REVISION, TASK_DEFAULTS, WEATHER, warehouse_asset
from plugins.operators.refresh import RefreshMartOperator

settings = read_settings()

with DAG(
    dag_id="refresh_marts",
    description="Refreshes the marts after what was published",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(settings.marts_schedule, timezone="UTC"), assets=(WEATHER | REVISION)
    ),
    start_date=settings.start_date,
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,  # one refresh at a time: each reads a lot
    default_args=TASK_DEFAULTS,
    tags=["mart"],
):
    for mart, source, roll_up in (
        ("daily_weather_aggregates", "weather", roll_up_due_days),
        ("daily_wikipedia_page_stats", "wikipedia", None),
    ):
        RefreshMartOperator(
            task_id=mart, mart=mart, source=source, roll_up=roll_up, outlets=[warehouse_asset("mart", mart)]
        )
