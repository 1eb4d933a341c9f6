"""The four steps of a load, the same for every source."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import Asset, task_group

from include.patience import Patience
from include.settings import read_settings
from include.source import Source
from include.suites import Suite
from plugins.operators.extract import ExtractOperator
from plugins.operators.validate import ValidateOperator
from plugins.retry import HonourRetryAfter
from plugins.warehouse import CONNECTION_ID, note_failure

IN_THE_UI: dict[str, Any] = {"map_index_template": "{{ task.parameters.label }}", "on_failure_callback": note_failure}
STATEMENTS: dict[str, Any] = {"conn_id": CONNECTION_ID, "hook_params": {"log_sql": False}, "do_xcom_push": False}
"""All statements of a task in one transaction. The operator logs their text once; the hook need not again."""


def load_group(
    *, source: Source, suite: Suite, pool: str, transform: Sequence[str], publish: Sequence[str], outlet: Asset
) -> Any:
    """The task group `load`, to be expanded over what plan returns.

    `transform` fills staging and `publish` moves it into core: statement files below sql/ with the parameter %(load_id)s. With
    what is the same for every source around them each list is one transaction.
    """
    patience = Patience(read_settings().patience_seconds)

    @task_group(group_id="load")
    def load(load_id: Any, label: Any) -> None:
        """One slice of the window for one group of places or pages; fails and is cleared alone."""
        parameters = {"load_id": load_id, "label": label}
        extracted = ExtractOperator(
            task_id="extract",
            doc_md="Asks the service for all of this load and lands each answer in `raw` as it comes, byte for byte. "
            "Waits a short outage out, retries as late as the service asks for. **Clear it** once the service is healthy. A replay "
            "asks nobody.",
            source=source,
            parameters=parameters,
            patience=patience,
            pool=pool,
            execution_timeout=timedelta(seconds=patience.longest_try),
            retry_policy=HonourRetryAfter(),
            **IN_THE_UI,
        )
        staged = SQLExecuteQueryOperator(
            task_id="transform",
            doc_md="Parses the answers that the load is made of into `staging`, set-based, in one transaction.",
            sql=["ops/lock_extracted_load.sql", *source.CLEAR_STAGING, *transform],
            parameters=parameters,
            **STATEMENTS,
            **IN_THE_UI,
        )
        audited = ValidateOperator(
            task_id="validate",
            doc_md="Audits the staged rows with Great Expectations. Rows outside a limit go to `audit.quarantine`; the verdict "
            "stands in the log and in `audit.validation_result`. After a rejection **clear `extract`** with downstream tasks.",
            suite=suite,
            parameters=parameters,
            **IN_THE_UI,
        )
        published = SQLExecuteQueryOperator(
            task_id="publish",
            doc_md="One transaction: upserts the audited rows into `core` and marks the load published. Safe to repeat.",
            sql=["ops/lock_audited_load.sql", *publish, "ops/mark_published.sql", *source.CLEAR_STAGING],
            parameters=parameters,
            outlets=[outlet],
            **STATEMENTS,
            **IN_THE_UI,
        )
        extracted >> staged >> audited >> published

    return load
