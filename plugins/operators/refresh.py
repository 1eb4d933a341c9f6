"""refresh: brings one mart up to date with what was published."""

from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from include.marts import refresh_mart
from plugins.warehouse import warehouse


class RefreshMartOperator(BaseOperator):
    """Refreshes a materialized view of schema mart, unless nothing was published since; a manual run always refreshes.

    :param mart: name of the view
    :param source: whose loads it is made from
    """

    def __init__(self, *, mart: str, source: str, **kwargs: Any) -> None:
        super().__init__(
            do_xcom_push=False,
            doc_md=f"Refreshes `mart.{mart}` when loads of {source} were published since; skipped when there is nothing new.",
            **kwargs,
        )
        self.mart = mart
        self.source = source

    def execute(self, context: Context) -> None:
        """Refreshes the mart, or skips."""
        with warehouse() as connection:
            loads = refresh_mart(connection, self.mart, self.source, always=context["dag_run"].run_type == "manual")
        if loads is None:
            raise AirflowSkipException(f"{self.mart} is up to date: no load of {self.source} was published since")
        self.log.info("%s now shows %d more loads", self.mart, loads)
