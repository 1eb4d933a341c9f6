"""validate: audits the staged rows of one load."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from include.audit import audit_load
from include.audit.words import left_out, table_of, warnings_of
from include.errors import UnfinishedAudit, WarehouseError, in_lines
from include.loads import is_replay, stage_again
from include.source import Source
from plugins.metrics import count
from plugins.warehouse import UnitsWithheld, refusals, warehouse


class ValidateOperator(BaseOperator):
    """Great Expectations over the staged rows of a load. Fails when it withholds a unit, after its verdict is recorded.

    A verdict is final: the same rows fail the same audit, so a failure is not retried.

    :param parameters: {load_id, label}
    """

    template_fields = ("parameters",)
    ui_color = "#f9e79f"

    def __init__(self, *, source: Source, parameters: Any, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.suite = source.suite
        self.stage = source.stage_statements
        self.names_param = source.subjects.names_param
        self.parameters = parameters

    def execute(self, context: Context) -> None:
        """Audits the load; the table of expectations goes to the log, and each of them that only warns as a warning."""
        load_id = self.parameters["load_id"]
        with refusals(), warehouse() as connection:
            try:
                stage_again(connection, load_id, self.stage)
                audit = audit_load(connection, self.suite, load_id)
                replayed = is_replay(connection, load_id)
            except UnfinishedAudit:
                raise
            except WarehouseError as error:
                raise AirflowFailException(in_lines(f"{self.suite.name}: {error.what}", error.advice)) from None
        count(self.suite.name, rows_quarantined=audit.quarantined, units_withheld=len(audit.withheld))
        self.log.info("audit of load %d:\n%s", load_id, table_of(audit.outcomes))
        for warning in warnings_of(load_id, audit.outcomes):
            self.log.warning(warning)
        if audit.quarantined:
            self.log.warning(
                "%d rows are set aside, outside a limit: SELECT * FROM audit.quarantine WHERE load_id = %d",
                audit.quarantined,
                load_id,
            )
        if message := left_out(self.suite, load_id, audit, self.names_param, is_replay=replayed):
            raise UnitsWithheld(message)
