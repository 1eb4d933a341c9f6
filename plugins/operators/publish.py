"""publish: moves what the audit trusts of one load into core."""

from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from include.audit import audit_load
from include.loads import lost_its_rows, published_counts, stage_again, why_not_published
from include.source import Source
from include.warehouse import Connection, run
from plugins.metrics import count
from plugins.warehouse import NotPublished, refusals, warehouse


class PublishOperator(BaseOperator):
    """The statements of a publish, in one transaction; before them those that prepare it, each in its own.

    Fails where the audit has no verdict, or trusts nothing of the load. The Asset event's `extra` tells the window and what was
    published of it.

    :param parameters: {load_id, label}
    :param asset: what it writes
    """

    template_fields = ("parameters",)

    def __init__(self, *, source: Source, parameters: Any, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], do_xcom_push=False, **kwargs)
        self.source = source
        self.parameters = parameters
        self.asset = asset

    def execute(self, context: Context) -> None:
        """Publishes the load."""
        load_id = self.parameters["load_id"]
        with refusals(), warehouse() as connection:
            if reason := why_not_published(connection, load_id):
                raise NotPublished(f"load {load_id} is not published: {reason}")
            self._prepare(connection, load_id)
            with connection.transaction():
                for name in self.source.publish_statements:
                    self._run(connection, name, load_id)
            counts = published_counts(connection, load_id)
        self.log.info("load %d: %d rows published, %d of them changed core", load_id, counts["rows"], counts["changed"])
        context["outlet_events"][self.asset].extra = counts
        count(self.source.name, rows_published=counts["rows"], rows_changed=counts["changed"])

    def _prepare(self, connection: Connection, load_id: int) -> None:
        if lost_its_rows(connection, load_id):
            self.log.warning(
                "a crash of PostgreSQL took what was staged of load %d: it is staged and audited again", load_id
            )
            stage_again(connection, load_id, self.source.stage_statements)
            audit_load(connection, self.source.suite, load_id)
        for name in self.source.prepare_statements:
            self._run(connection, name, load_id)

    def _run(self, connection: Connection, name: str, load_id: int) -> None:
        self.log.info(name)
        run(connection, name, {"load_id": load_id})
