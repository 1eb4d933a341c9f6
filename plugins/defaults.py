"""What the DAGs have in common: defaults of their tasks, the parameters of a window, and the names of what they write."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param

from include.subjects import Subjects
from plugins.warehouse import note_failure

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "data-platform",
    "retries": 3,
    "retry_delay": timedelta(seconds=2),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(minutes=10),
    "on_failure_callback": note_failure,
}


def longer_than_all_tries(tasks: int) -> timedelta:
    """Half as long again as all tries of so many tasks take, one after the other."""
    tries: timedelta = (TASK_DEFAULTS["retries"] + 1) * TASK_DEFAULTS["execution_timeout"]
    return 1.5 * tasks * tries


def window_params(subjects: Subjects) -> dict[str, Param]:
    """Parameters of a run: its window, half-open, some of its subjects to restrict it to, and replay."""
    # The UI shows a picker for this format. Nothing checks it, so that plain dates pass too (jsonschema checks date-time only
    # with rfc3339-validator installed); include/windows.py is what reads and refuses.
    moment: dict[str, Any] = {"type": ["null", "string"], "format": "date-time"}
    return {
        "start_date": Param(
            None,
            **moment,
            title="Start date",
            # Airflow's picker is in the time zone of the browser until the user chooses another.
            description="Start of the window, in the time zone that the picker names: choose UTC at the clock (bottom left) "
            "for days in UTC. Empty: the run's own data interval.",
        ),
        "end_date": Param(
            None,
            **moment,
            title="End date",
            description="End of the window, in the same time zone, exclusive: 2026-10-01 to 2026-11-01 is October.",
        ),
        subjects.names_param: Param(
            None,
            type=["null", "array"],
            items={"type": "string"},
            title=f"Only these {subjects.names_param}",
            description=f"One name a line, such as {subjects.example}. Empty: all that are active.",
        ),
        "replay": Param(
            False,
            type="boolean",
            title="Replay stored responses",
            description="Build the window again from the responses that raw already holds, without asking the service: after the "
            "correction of a transform.",
        ),
    }


def warehouse_asset(schema: str, table: str) -> Asset:
    """The Asset of a table; DAGs that read it are scheduled on it."""
    return Asset(name=f"{schema}.{table}", uri=f"postgres://warehouse/dw/{schema}/{table}")
