"""Statements in one transaction of a session that is named after its task."""

from typing import Any

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import Context

from plugins.warehouse import refusals, warehouse_hook


class StatementsOperator(SQLExecuteQueryOperator):
    """SQLExecuteQueryOperator through `warehouse_hook`: what waits for a lock for too long says for whom, and is retried."""

    _session: PostgresHook | None = None

    def execute(self, context: Context) -> Any:
        """Executes the statements."""
        with refusals(), warehouse_hook() as self._session:
            return super().execute(context)  # type: ignore[no-untyped-call]  # the provider's, without types

    def get_db_hook(self) -> PostgresHook:
        """The hook of the task that runs."""
        assert self._session is not None
        return self._session
