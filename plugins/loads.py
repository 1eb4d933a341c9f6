"""The four steps of a load, the same for every source."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import TriggerRule, XComArg, task_group

from include.patience import Patience
from include.settings import read_settings
from include.source import Source
from plugins.defaults import warehouse_asset
from plugins.operators.extract import ExtractOperator
from plugins.operators.publish import PublishOperator
from plugins.operators.transform import TransformOperator
from plugins.operators.validate import ValidateOperator
from plugins.retry import HonourRetryAfter

IN_THE_UI: dict[str, Any] = {"map_index_template": "{{ task.parameters.label }}"}


def load_group(source: Source, loads: XComArg) -> None:
    """The task group `load`, expanded over the `loads` that plan returns, and the task that tells whether all of it was loaded."""
    patience = Patience(read_settings().patience_seconds)

    @task_group(group_id="load")
    def load(load_id: Any, label: Any) -> None:
        """One slice of the window for one group of places or pages; fails and is cleared alone."""
        parameters = {"load_id": load_id, "label": label}
        extracted = ExtractOperator(
            task_id="extract",
            doc_md="Asks the service for all of this load and lands each response in `raw` as it comes, byte for byte. "
            "Waits a short outage out, retries as late as the service asks for. **Clear it** once the service is healthy. A replay "
            "asks nobody.",
            source=source,
            parameters=parameters,
            patience=patience,
            pool=source.pool,
            execution_timeout=timedelta(seconds=patience.longest_try),
            retry_policy=HonourRetryAfter(),
            **IN_THE_UI,
        )
        staged = TransformOperator(
            task_id="transform",
            doc_md="Parses the responses that the load is made of into `staging`, set-based, in one transaction. A response that "
            "PostgreSQL cannot read is named and left out.",
            source=source,
            parameters=parameters,
            **IN_THE_UI,
        )
        audited = ValidateOperator(
            task_id="validate",
            doc_md="Audits the staged rows with Great Expectations. Rows outside a limit go to `audit.quarantine`; a place's day "
            "or a page that is not to be trusted is withheld and fails this task, all else is published. The verdict stands in the "
            "log, in `audit.withheld` and in `audit.validation_result`. **Clear `extract`** with downstream tasks to ask again.",
            source=source,
            parameters=parameters,
            **IN_THE_UI,
        )
        published = PublishOperator(
            task_id="publish",
            doc_md="One transaction: upserts what the audit trusts into `core` and marks the load published, also where the audit "
            "withheld something. Fails where a task before it left nothing to publish. Safe to repeat.",
            source=source,
            parameters=parameters,
            asset=warehouse_asset("core", source.core_table),
            # Not one_done: within a mapped group every task also stands after plan, which is done at once.
            trigger_rule=TriggerRule.ALL_DONE,
            **IN_THE_UI,
        )
        extracted >> staged >> audited >> published

    all_loaded = EmptyOperator(
        task_id="all_loaded",
        doc_md="Succeeds when every load was published whole. Airflow runs no process for it.",
    )
    group = load.expand_kwargs(loads)
    group >> all_loaded
    all_loaded.set_upstream(all_loaded.dag.get_task("load.validate"))
