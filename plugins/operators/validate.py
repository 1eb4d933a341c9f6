"""validate: audits the staged rows of a load with Great Expectations."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from include.audit import audit_load, table_of, verdict_of
from include.errors import UnfinishedAudit, WarehouseError
from include.suites import Suite
from plugins.warehouse import connect, warehouse


class ValidateOperator(BaseOperator):
    """Sets rows outside their limits aside; fails, for good, when the load as a whole does not pass: the same rows would again.

    :param suite: what is expected
    :param parameters: {load_id, label}: the load in audit.load, and its name in the UI
    """

    template_fields = ("parameters",)
    ui_color = "#f9e79f"

    def __init__(self, *, suite: Suite, parameters: Any, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.suite = suite
        self.parameters = parameters

    def execute(self, context: Context) -> None:
        """Audits the load; the table of expectations goes to the log."""
        load_id = self.parameters["load_id"]
        with warehouse() as connection:
            try:
                outcomes = audit_load(connection, connect, self.suite, load_id)
                verdict = verdict_of(connection, self.suite, load_id, outcomes)
            except UnfinishedAudit:
                raise
            except WarehouseError as error:
                raise AirflowFailException(f"{self.suite.name}: {error}") from None
        self.log.info("audit of load %d:\n%s", load_id, table_of(outcomes))
        if verdict:
            raise AirflowFailException(verdict)
