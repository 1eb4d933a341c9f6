"""transform: parses the landed responses of one load into staging."""

from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from include.errors import LoadError, in_lines, legible
from include.source import Source
from include.unreadable import BEGIN, FAULTS_OF_DATA, stage_readable
from include.warehouse import statement
from plugins.warehouse import CONNECTION_ID, refusals, warehouse, warehouse_hook


class TransformOperator(SQLExecuteQueryOperator):
    """Stages a load in one transaction. Where that fails on what a response holds, the response is found, named, and left out.

    :param parameters: {load_id, label}
    """

    # The statements are no templates: to render them takes longer than to stage a day.
    template_fields = ("parameters",)
    template_ext = ()

    _session: PostgresHook | None = None

    def __init__(self, *, source: Source, parameters: Any, **kwargs: Any) -> None:
        super().__init__(
            sql=[],  # read from their files when they are executed
            parameters=parameters,
            conn_id=CONNECTION_ID,
            do_xcom_push=False,
            **kwargs,
        )
        self.source = source

    def execute(self, context: Context) -> None:
        """Stages the load; what is left out goes to the log and to staging.problem."""
        self.sql = [statement(name) for name in (*BEGIN, *self.source.stage_statements)]
        try:
            with refusals(), warehouse_hook() as self._session:
                super().execute(context)  # type: ignore[no-untyped-call]  # the provider's, without types
        except FAULTS_OF_DATA as error:
            self.log.warning("%s: the responses that fail are looked for", legible(str(error.diag.message_primary)))
            self._stage_readable()

    def get_db_hook(self) -> PostgresHook:
        """The hook of the task that runs: its session is named after it, and says for whom it waits."""
        assert self._session is not None
        return self._session

    def _stage_readable(self) -> None:
        parameters: Any = self.parameters
        with refusals(), warehouse() as connection:
            try:
                left_out = stage_readable(connection, self.source, parameters["load_id"])
            except LoadError as error:
                raise AirflowFailException(in_lines(error.what, error.advice)) from None
        for response, problem in left_out:
            self.log.warning(
                "left out, all else goes on: raw id %d of %s: %s", response.raw_id, self.source.raw_table, problem
            )
