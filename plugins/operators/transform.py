"""transform: parses the landed responses of one load into staging."""

from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from include.errors import LoadError, in_lines, legible
from include.source import Source
from include.unreadable import BEGIN, FAULTS_OF_DATA, stage_readable
from plugins.operators.statements import StatementsOperator
from plugins.warehouse import refusals, warehouse


class TransformOperator(StatementsOperator):
    """Stages a load in one transaction. Where that fails on what a response holds, the response is found, named, and left out.

    :param parameters: {load_id, label}
    """

    def __init__(self, *, source: Source, parameters: Any, **kwargs: Any) -> None:
        super().__init__(sql=[*BEGIN, *source.stage_statements], parameters=parameters, **kwargs)
        self.source = source

    def execute(self, context: Context) -> None:
        """Stages the load; what is left out goes to the log and to staging.problem."""
        try:
            super().execute(context)
        except FAULTS_OF_DATA as error:
            self.log.warning("%s: the responses that fail are looked for", legible(str(error.diag.message_primary)))
            self._stage_readable()

    def _stage_readable(self) -> None:
        parameters: Any = self.parameters
        with refusals(), warehouse() as connection:
            try:
                left_out = stage_readable(connection, self.source, parameters["load_id"], self.sql[len(BEGIN) :])
            except LoadError as error:
                raise AirflowFailException(in_lines(error.what, error.advice)) from None
        for response, problem in left_out:
            self.log.warning(
                "left out, all else goes on: raw id %d of %s: %s", response.raw_id, self.source.raw_table, problem
            )
