"""refresh: brings one mart up to date with what was published or changed."""

from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from include.marts import refresh_mart
from include.warehouse import Connection
from plugins.warehouse import warehouse


class RefreshMartOperator(BaseOperator):
    """Refreshes a materialized view of schema mart, unless nothing it shows changed since; a manual run always refreshes.

    :param mart: name of the view
    :param source: whose loads it is made from
    :param roll_up: brings up to date what the view is read from, where that is not the facts themselves
    """

    def __init__(
        self, *, mart: str, source: str, roll_up: Callable[[Connection], None] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(
            do_xcom_push=False,
            doc_md=f"Refreshes `mart.{mart}` when loads of {source} were published since, or rows or names it is made of were "
            "changed otherwise; skipped when there is nothing new.",
            **kwargs,
        )
        self.mart = mart
        self.source = source
        self.roll_up = roll_up

    def execute(self, context: Context) -> None:
        """Refreshes the mart, or skips."""
        always = context["dag_run"].run_type == "manual"
        with warehouse() as connection:
            seen = refresh_mart(connection, self.mart, self.source, always=always, roll_up=self.roll_up)
        if seen is None:
            raise AirflowSkipException(
                f"{self.mart} is up to date: no load of {self.source} was published since, and nothing else changed"
            )
        self.log.info("%s now shows %d more loads and %d other changes", self.mart, seen.loads, seen.changes)
