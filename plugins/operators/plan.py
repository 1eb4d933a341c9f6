"""plan: resolves the window of a run, opens its loads in the ledger, and returns one entry a load."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context, conf
from airflow.sdk.exceptions import AirflowFailException

from include.errors import BadWindow, WarehouseError, in_lines
from include.loads import RunKey, open_load, supersede_loads
from include.settings import read_settings
from include.source import Source
from include.warehouse import Connection, now_of
from include.windows import RunTimes, Window, last_interval, resolve
from plugins.warehouse import warehouse


class PlanOperator(BaseOperator):
    """Plans the loads of a run.

    :param schedule: cron expression of the DAG; a run without window and data interval takes its last complete interval
    :param revision_days: days before its interval that a scheduled run reads again
    :param clock: what time it is, in UTC, as the warehouse has it
    """

    def __init__(
        self,
        *,
        source: Source,
        schedule: str,
        revision_days: int = 0,
        clock: Callable[[Connection], datetime] = now_of,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            doc_md="Resolves the window of the run and opens its loads in `audit.load`. **Clearing it** plans the run anew.",
            **kwargs,
        )
        self.source = source
        self.schedule = schedule
        self.revision_days = revision_days
        self.clock = clock

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """The loads as [{load_id, label}, ...], in the order of their map index."""
        with warehouse() as connection:
            return self._plan(connection, context)

    def _plan(self, connection: Connection, context: Context) -> list[dict[str, Any]]:
        now = self.clock(connection)
        try:
            _refuse_unknown(context["dag_run"].conf or {}, context["dag"].params)
            window = resolve(self._run_times(context), now, timedelta(days=self.revision_days))
            return self._open_loads(connection, context, self.source.observable(window, now))
        except WarehouseError as error:
            raise AirflowFailException(
                in_lines(f"{self.source.name}: {error.what}", error.advice or "start the run again with what is right")
            ) from None

    def _open_loads(self, connection: Connection, context: Context, window: Window) -> list[dict[str, Any]]:
        key = RunKey(context["dag_run"].dag_id, context["dag_run"].run_id)
        names: Sequence[str] | None = context["params"].get(self.source.subjects.names_param) or None
        is_replay = bool(context["params"].get("replay"))
        with connection.transaction():
            per_batch = read_settings().sources[self.source.name].per_batch
            batches = self.source.plan_batches(connection, window, per_batch, names)
            _refuse_too_many(len(batches), window)
            supersede_loads(connection, key, self.source.clear_staging)
            loads = [
                open_load(connection, key, map_index, self.source.name, batch.subject_ids, batch.window, is_replay)
                for map_index, batch in enumerate(batches)
            ]
        self.log.info("%s %s, %d loads", "replay of" if is_replay else "window", window, len(loads))
        return [{"load_id": load_id, "label": batch.label} for load_id, batch in zip(loads, batches, strict=True)]

    def _run_times(self, context: Context) -> RunTimes:
        run = context["dag_run"]
        start, end = run.data_interval_start, run.data_interval_end
        return RunTimes(
            start_param=context["params"].get("start_date"),
            end_param=context["params"].get("end_date"),
            data_interval=Window(start, end) if start and end else None,
            last_interval=last_interval(self.schedule, run.run_after),
            is_scheduled=run.run_type == "scheduled",
        )


def _refuse_unknown(named: Iterable[str], params: Iterable[str]) -> None:
    """Airflow ignores what it does not know: a misspelled start_date would load another window than the one that was meant."""
    if unknown := sorted(set(named) - set(params)):
        raise BadWindow(
            f"conf has no parameter {', '.join(unknown)}; there are {', '.join(params)}",
            "nothing was loaded: start the run again with the right name",
        )


def _refuse_too_many(loads: int, window: Window) -> None:
    """Airflow fails a task that maps to more than [core] max_map_length tasks, after the loads would have been opened."""
    most = conf.getint("core", "max_map_length")
    if loads > most:
        raise BadWindow(
            f"the window {window} needs {loads} loads, more than the {most} of [core] max_map_length",
            "cut it into shorter windows, or raise AIRFLOW__CORE__MAX_MAP_LENGTH",
        )
