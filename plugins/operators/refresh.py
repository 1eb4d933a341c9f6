"""refresh: brings one mart up to date with what was published or changed."""

import time
from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from include.marts import refresh_mart
from include.source import Mart
from plugins.alerts import tell_what_is_late
from plugins.metrics import tell_ages
from plugins.warehouse import warehouse


class RefreshMartOperator(BaseOperator):
    """Refreshes a materialized view of schema mart, unless nothing it shows changed since; a manual run always refreshes.

    :param source: name of the source whose loads it is made from
    :param sleep: how it waits, in seconds, for loads that are about to be published
    """

    def __init__(self, *, mart: Mart, source: str, sleep: Callable[[float], None] = time.sleep, **kwargs: Any) -> None:
        super().__init__(
            do_xcom_push=False,
            doc_md=f"Refreshes `mart.{mart.name}` when loads of {source} were published since, or rows or names it is made of were "
            "changed otherwise; skipped when there is nothing new.",
            **kwargs,
        )
        self.mart = mart
        self.source = source
        self.sleep = sleep

    def execute(self, context: Context) -> None:
        """Refreshes the mart, or skips."""
        always = context["dag_run"].run_type == "manual"
        with warehouse() as connection:
            try:
                seen = refresh_mart(connection, self.mart, self.source, always=always, sleep=self.sleep)
            finally:
                # Here, and not in a task of its own: that would be a process more for each refresh.
                tell_ages(connection, self.mart)
                tell_what_is_late(connection, self.mart)
        if seen is None:
            raise AirflowSkipException(
                f"{self.mart.name} is up to date: no load of {self.source} was published since, and nothing else changed"
            )
        self.log.info("%s now shows %d more loads and %d other changes", self.mart.name, seen.loads, seen.changes)
