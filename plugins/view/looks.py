"""How the page looks: templates, numbers and moments for people, and links into Airflow's own pages."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

from include.command import typed
from include.doctor.checks import ago
from include.sources import SOURCES
from include.view.charts import title
from include.view.coverage import State
from include.view.loads import STEPS, Load

SECTIONS = {"Freshness": "/", "Coverage": "/coverage", "Data quality": "/quality", "Marts": "/marts", "Loads": "/loads"}
"""Heading -> address below the page's own."""

SYMBOLS = {
    State.COMPLETE: "✓",
    State.PARTIAL: "◐",
    State.MISSING: "○",
    State.FAILED: "✕",
    State.WITHHELD: "!",
    State.NOT_DUE: "·",
}

_templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def show(request: Request, template: str, section: str = "", *, status: int = 200, **values: Any) -> Response:
    """A page. `airflow` is the address of Airflow, `base` that of the page, both without a host: a prefix is in them."""
    base = request.scope["root_path"]
    values |= {"base": base, "airflow": base.rpartition("/")[0], "section": section, "status": status}
    return _templates.TemplateResponse(request, template, values, status_code=status)


def number(value: int | None) -> str:
    """`12 345`, with spaces that do not break a line; a dash for what is not known."""
    return "–" if value is None else f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def moment(value: datetime | None, zone: str = " UTC") -> str:
    """A moment in UTC, which a program can read too; without its `zone` where a heading has that."""
    if value is None:
        return "–"
    there = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}{}</time>').format(there.isoformat(), f"{there:%Y-%m-%d %H:%M}", zone)


def window(start: datetime, end: datetime) -> str:
    """A half-open span of UTC: days where it is made of whole ones."""
    moments = [value.astimezone(UTC) for value in (start, end)]
    form = "%Y-%m-%d" if all(f"{value:%H:%M:%S}" == "00:00:00" for value in moments) else "%Y-%m-%d %H:%M"
    times = [
        Markup('<time datetime="{}">{}</time>').format(value.isoformat(), value.strftime(form)) for value in moments
    ]
    return Markup("{} to {}").format(*times)


def lasted(value: timedelta | None) -> str:
    """`8.3 s`, `12 min`; a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value.total_seconds():.1f} s" if value < timedelta(minutes=2) else ago(value)


def percent(part: int, whole: int) -> str:
    """`98 %`; only all of it is 100, and only nothing 0."""
    share = 100 * part / whole if whole else 0
    return f"{min(99.0, max(1.0, share)) if 0 < part < whole else share:.0f} %"


def run_path(dag_id: str, run_id: str) -> str:
    """Of a run, below the address of Airflow."""
    return f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def task_path(load: Load) -> str:
    """Of the task whose log tells of a load."""
    return f"{run_path(load.dag_id, load.run_id)}/tasks/{load.task_id}/mapped/{load.map_index}"


_templates.env.filters |= {"number": number, "moment": moment, "lasted": lasted, "ago": ago}
_templates.env.globals |= {
    "attributions": [source.attribution for source in SOURCES.values() if source.attribution],
    "percent": percent,
    "title": title,
    "run_path": run_path,
    "sections": SECTIONS,
    "steps": len(STEPS) - 1,
    "symbols": SYMBOLS,
    "task_path": task_path,
    "typed": typed,
    "window": window,
}
