"""
### weather: hourly weather of the tracked places

Asks [Open-Meteo](https://open-meteo.com) for the window of the run, keeps the responses in `raw.weather_observations`, parses them
into `staging.weather`, audits them, and upserts them into `core.weather`. Any window can be run again safely.

| task | what it does | when it fails |
|---|---|---|
| `plan` | resolves the window, opens a load for each slice of it and group of places | correct what it names, clear the run |
| `extract` | lands the responses as they come; waits outages and refusals out | clear it once the service is healthy |
| `transform` | parses the landed responses, set-based | clear it |
| `validate` | sets hours outside their limits aside, withholds days not to be trusted | see its message, clear `extract` |
| `publish` | in one transaction, all that is trusted: core, daily rollup, ledger | clear what failed before it; else clear it |
| `all_loaded` | tells whether every load was published whole; costs no process | with the tasks before it |

**Window**: the parameters `start_date` and `end_date` (half-open, UTC), else the run's data interval. A scheduled run also reads
the `DW_WEATHER_REVISION_DAYS` before it again. `locations` restricts the run to some places.

**Replay**: with `replay` nobody is asked: the window is built again from the responses that `raw` holds, as after the correction of
a transform. `airflow dags replay` does the same.

Weather data by [Open-Meteo.com](https://open-meteo.com), CC BY 4.0.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from include.settings import read_settings
from include.sources.weather import SOURCE
from plugins.alerts import tell_run_failed
from plugins.defaults import TASK_DEFAULTS, window_params
from plugins.loads import load_group
from plugins.operators.plan import PlanOperator

settings = read_settings()
of_source = settings.sources[SOURCE.name]

with DAG(
    dag_id="weather",
    description="Hourly weather of the tracked places, from Open-Meteo",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(of_source.schedule, timezone="UTC"),
    start_date=settings.start_date,
    catchup=True,
    max_active_runs=8,
    params=window_params(SOURCE.subjects),
    default_args=TASK_DEFAULTS,
    on_failure_callback=tell_run_failed,
    tags=["source", "open-meteo"],
):
    plan = PlanOperator(
        task_id="plan",
        source=SOURCE,
        schedule=of_source.schedule,
        revision_days=of_source.revision_days,
    )
    load_group(SOURCE, plan.output)
