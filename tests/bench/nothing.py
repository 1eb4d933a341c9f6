"""A DAG with the shape of a source's whose tasks do nothing: what Airflow itself takes for a window. Only the bench runs it."""

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, TriggerRule, chain, task, task_group

from include.settings import read_settings

with DAG(
    dag_id="nothing",
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=read_settings().start_date,
    catchup=False,
    max_active_runs=8,
):

    @task
    def plan() -> list[int]:
        """One load."""
        return [1]

    @task(do_xcom_push=False)
    def step(load_id: int) -> None:
        """As extract, transform, validate or publish."""

    @task_group
    def load(load_id: int) -> None:
        """The four steps of a load."""
        chain(
            *(step.override(task_id=name)(load_id) for name in ("extract", "transform", "validate")),
            step.override(task_id="publish", trigger_rule=TriggerRule.ALL_DONE)(load_id),
        )

    load.expand(load_id=plan()) >> EmptyOperator(task_id="all_loaded")
