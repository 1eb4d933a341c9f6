"""`make demo`: start, load the last days of both sources over the REST API, and show what the marts hold."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from include import summary
from include.sources import SOURCES
from include.view import charts, marts
from include.windows import Window
from local import postgres, screens, up
from local.console import Failure, out, step, wait_until
from local.settings import Paths

if TYPE_CHECKING:
    from airflow_client.client import ApiClient

DAYS = 7
REFRESH_SECONDS = 180


def demo(paths: Paths) -> int:
    """Exit code 0 when the marts hold the last 7 days; Failure says what is missing, why, and what to do."""
    plan = up.up(paths)
    warehouse = plan.env["WAREHOUSE_URL"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = Window(today - timedelta(days=DAYS), today)
    if missing := lacking(warehouse, days):
        load(plan.api, sorted(missing), days)
        await_marts(warehouse, days)
    else:
        out.print(f"The marts already hold the last {DAYS} days: nothing to load.")
    show(warehouse, days)
    draw(warehouse, days, paths.state / "marts.png")
    up.tell_address(paths)
    if plan.apis == "sandbox":
        out.print("[yellow]These are the sandbox's made-up values.[/] DW_APIS=real asks the real services.")
    return 0


def lacking(warehouse: str, days: Window) -> dict[str, list[str]]:
    """DAG id -> what its marts lack of the days."""
    with psycopg.connect(warehouse, application_name=postgres.APPLICATION) as connection:
        return summary.lacking(connection, days)


def show(warehouse: str, days: Window) -> None:
    """Prints what the warehouse has of the days."""
    first, end = days.start.date(), days.end.date()
    with psycopg.connect(warehouse, application_name=postgres.APPLICATION) as connection:
        screens.show(summary.summaries(connection, first, end), summary.row_counts(connection), first, end)


def draw(warehouse: str, days: Window, file: Path) -> None:
    """Writes a picture of the first mart into the file, as the page in the web UI draws it."""
    source = next(iter(SOURCES.values()))
    with psycopg.connect(warehouse, application_name=postgres.APPLICATION) as connection:
        keys = [subject.subject_id for subject in marts.subjects_of(connection, source.name)[:1]]
        if measures := marts.measures_of(connection, source.name, source.marts[0].name):
            series = marts.series(connection, measures, keys, days.start.date(), days.end.date())
            file.write_bytes(charts.drawn(charts.text_of(series), "png"))
            out.print(f"{series.subjects[0].subject}, drawn: [bold]{file}[/]")


def load(api: "ApiClient", dag_ids: list[str], days: Window) -> None:
    """Triggers a run for each DAG, unless one with this window is under way, and waits. Failure names the tasks."""
    # It imports the client, which takes a second.
    from local import runs

    first, tomorrow = days.start.date(), days.end.date() + timedelta(days=1)
    conf = {"start_date": first.isoformat(), "end_date": tomorrow.isoformat()}
    out.print(f"Loading {conf['start_date']} up to now: {', '.join(dag_ids)}")
    watched = [runs.under_way(api, dag_id, conf) or runs.trigger(api, dag_id, conf) for dag_id in dag_ids]
    runs.watch(api, watched)
    failed = [run for run in watched if run.state == "failed"]
    if failed:
        raise Failure("\n\n".join(runs.explain(api, run) for run in failed))


def await_marts(warehouse: str, days: Window) -> None:
    """Until refresh_marts, which the runs' assets have started, is through. Failure says what the marts lack."""
    with step("Marts refreshed"):
        wait_until(lambda: not lacking(warehouse, days), REFRESH_SECONDS, lambda: _tell(lacking(warehouse, days)))


def _tell(missing: dict[str, list[str]]) -> str:
    gaps = [f"  {dag_id}: {gap}" for dag_id, found in missing.items() for gap in found[:10]]
    return (
        "The runs succeeded, but the marts lack:\n" + "\n".join(gaps) + "\nLook at the DAG refresh_marts in the web "
        "UI, and at audit.load, audit.quarantine: psql \"$WAREHOUSE_URL\" -c 'select * from audit.load'"
    )
