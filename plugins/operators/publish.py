"""publish: moves what the audit trusts of one load into core."""

from typing import Any

from airflow.sdk import Asset, Context

from include.audit import audit_load
from include.loads import lost_its_rows, published_counts, stage_again, why_not_published
from include.source import Source
from include.warehouse import run
from plugins.metrics import count
from plugins.operators.statements import StatementsOperator
from plugins.warehouse import NotPublished, refusals, warehouse


class PublishOperator(StatementsOperator):
    """The statements of a publish, in one transaction; before them those that prepare it, each in its own.

    Fails where the audit has no verdict, or trusts nothing of the load. The Asset event's `extra` tells the window and what was
    published of it.

    :param asset: what it writes
    """

    def __init__(self, *, source: Source, asset: Asset, **kwargs: Any) -> None:
        super().__init__(sql=list(source.publish_statements), outlets=[asset], **kwargs)
        self.source = source
        self.asset = asset

    def execute(self, context: Context) -> None:
        """Publishes the load."""
        parameters: Any = self.parameters
        load_id = parameters["load_id"]
        with refusals(), warehouse() as connection:
            if reason := why_not_published(connection, load_id):
                raise NotPublished(f"load {load_id} is not published: {reason}")
            if lost_its_rows(connection, load_id):
                self.log.warning(
                    "a crash of PostgreSQL took what was staged of load %d: it is staged and audited again", load_id
                )
                stage_again(connection, load_id, self.source.stage_statements)
                audit_load(connection, self.source.suite, load_id)
            for name in self.source.prepare_statements:
                run(connection, name, {"load_id": load_id})
        super().execute(context)
        with warehouse() as connection:
            counts = published_counts(connection, load_id)
        context["outlet_events"][self.asset].extra = counts
        count(self.source.name, rows_published=counts["rows"], rows_changed=counts["changed"])
