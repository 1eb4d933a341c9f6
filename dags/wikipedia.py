"""
### wikipedia: revisions of the tracked pages

Asks the [MediaWiki Action API](https://www.mediawiki.org/wiki/API:Revisions) for the window of the run, keeps the responses in
`raw.wikipedia_pages`, parses them into `staging.revision` and `staging.page`, audits them, and upserts them into `core.revision`
and the history `core.wikipedia_page`. Any window can be run again safely; what was hidden or removed since is blanked.

| task | what it does | when it fails |
|---|---|---|
| `plan` | resolves the window, opens a load for each slice of it and group of pages | correct what it names, clear the run |
| `extract` | lands the responses as they come; waits outages and refusals out | clear it once the wiki is healthy |
| `transform` | parses the landed responses, set-based | clear it |
| `validate` | reports pages that vanished, withholds pages not to be trusted | see its message, clear `extract` |
| `publish` | in one transaction, all that is trusted: page versions, core, ledger | clear what failed before it; else clear it |
| `all_loaded` | tells whether every load was published whole; costs no process | with the tasks before it |

**Window**: the parameters `start_date` and `end_date` (half-open, UTC), else the run's data interval. A scheduled run also reads
the `DW_WIKIPEDIA_REVISION_DAYS` before it again: a lagging replica may hide the last seconds, and users are hidden later. `pages`
restricts the run to some pages: `Boston`, or `de:Boston` where two wikis have the title.

**Replay**: with `replay` nobody is asked: the window is built again from the responses that `raw` holds, as after the correction of
a transform. `airflow dags replay` does the same.

Text of [Wikipedia](https://www.wikipedia.org), CC BY-SA 4.0.
"""

from airflow.sdk import DAG, CronDataIntervalTimetable

from include.settings import read_settings
from include.sources.wikipedia import SOURCE
from plugins.alerts import tell_run_failed
from plugins.defaults import TASK_DEFAULTS, window_params
from plugins.loads import load_group
from plugins.operators.plan import PlanOperator

settings = read_settings()
of_source = settings.sources[SOURCE.name]

with DAG(
    dag_id="wikipedia",
    description="Revisions of the tracked Wikipedia pages, from the MediaWiki API",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable(of_source.schedule, timezone="UTC"),
    start_date=settings.start_date,
    catchup=True,
    max_active_runs=8,
    params=window_params(SOURCE.subjects),
    default_args=TASK_DEFAULTS,
    on_failure_callback=tell_run_failed,
    tags=["source", "mediawiki"],
):
    plan = PlanOperator(
        task_id="plan",
        source=SOURCE,
        schedule=of_source.schedule,
        revision_days=of_source.revision_days,
    )
    load_group(SOURCE, plan.output)
