"""The page's sections as HTML, each of what plugins/view/api.py gives."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, HTTPException, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from include.sources import SOURCES
from include.view import coverage, loads, marts, quality
from plugins.view import api
from plugins.view.access import Visible, may_trigger
from plugins.view.looks import show
from plugins.view.reader import ask

router = APIRouter(include_in_schema=False)


@router.get("/")
async def freshness_page(request: Request, sources: Visible) -> Response:
    """How fresh everything is."""
    return show(request, "freshness.html", "Freshness", health=await api.health(list(sources)))


@router.get("/coverage")
async def coverage_page(
    request: Request,
    sources: Visible,
    source: str | None = None,
    month: api.Month = None,
    search: api.Search = None,
    skip: api.Skip = 0,
) -> Response:
    """The calendar of one source."""
    (name,) = api.chosen(sources, source or sources[0])
    calendar = await api.calendar(name, month, search, skip)
    return show(
        request,
        "coverage.html",
        "Coverage",
        calendar=calendar,
        sources=sources,
        search=search or "",
        skip=skip,
        states=coverage.State,
        kind=SOURCES[name].subjects,
        per_page=coverage.SUBJECTS_PER_PAGE,
        before=(calendar.first.replace(day=1) - coverage.DAY).replace(day=1),
        after=coverage.next_month(calendar.first),
    )


@router.get("/coverage/{source}/{subject_id}/{day}")
async def day_page(request: Request, user: GetUserDep, source: api.Known, subject_id: api.Key, day: date) -> Response:
    """A day of a place or page: its loads, and what fills a gap."""
    line = await api.subject_day(source, subject_id, day)
    found = await api.recent_loads([source], subject_id=subject_id, day=day)
    return show(
        request,
        "day.html",
        "Coverage",
        source=source,
        line=line,
        day=line.days[0],
        loads=found,
        conf=coverage.conf_of(source, line),
        command=coverage.command_of(source, line),
        may_trigger=await run_in_threadpool(may_trigger, request, user, source),
    )


@router.get("/loads")
async def loads_page(
    request: Request,
    sources: Visible,
    source: str | None = None,
    status: api.Status = None,
    run_id: str | None = Query(None, max_length=250),
    subject_id: api.OptionalKey = None,
    day: date | None = None,
    search: api.Search = None,
    before: api.OptionalKey = None,
) -> Response:
    """Loads, searched and filtered."""
    asked: dict[str, Any] = {"status": status, "run_id": run_id, "subject_id": subject_id, "day": day, "search": search}
    found = await api.recent_loads(api.chosen(sources, source), **asked, before=before)
    asked = {name: value for name, value in asked.items() if value not in (None, "")}
    return show(
        request,
        "loads.html",
        "Loads",
        loads=found,
        sources=sources,
        source=source,
        asked=asked,
        statuses=loads.STATUSES,
    )


@router.get("/loads/{load_id}")
async def load_page(request: Request, load_id: api.Key, sources: Visible) -> Response:
    """One load: its rows by stage, its verdicts, what it left out."""
    load = await api.one_load(load_id, sources)
    of_load = [load.source]
    return show(
        request,
        "load.html",
        "Loads",
        load=load,
        results=await api.results(load_id, sources),
        rejections=await api.rejections(of_load, load_id=load_id),
        withheld=await api.withheld(of_load, load_id=load_id),
    )


@router.get("/quality")
async def quality_page(
    request: Request,
    sources: Visible,
    source: str | None = None,
    search: api.Search = None,
    skip: api.Skip = 0,
) -> Response:
    """Pass rates, and what was set aside and withheld."""
    names = api.chosen(sources, source)
    return show(
        request,
        "quality.html",
        "Data quality",
        rates=await api.pass_rates(names),
        rejections=await api.rejections(names, search, skip=skip),
        withheld=await api.withheld(names, search, skip=skip),
        sources=sources,
        source=source,
        search=search or "",
        skip=skip,
        per_page=quality.ROWS_PER_PAGE,
    )


@router.get("/quality/responses/{load_id}/{raw_id}")
async def response_page(request: Request, load_id: api.Key, raw_id: api.Key, sources: Visible) -> Response:
    """A stored response, as text."""
    found = await api.response(load_id, raw_id, sources)
    return show(request, "response.html", "Data quality", response=found, load_id=load_id, raw_id=raw_id)


@router.get("/marts")
async def marts_page(
    request: Request,
    sources: Visible,
    source: str | None = None,
    mart: str | None = None,
    search: api.Search = None,
    subject_id: Annotated[list[int] | None, Query()] = None,
    first: api.Day = None,
    end: api.Day = None,
    measure: str | None = None,
    by_year: bool = False,
) -> Response:
    """What a mart has of some days, as a picture and as a table."""
    known = await api.measures(list(sources))
    chosen = next((each for each in known if (each.mart == mart if mart else each.source == source)), None) or next(
        iter(known), None
    )
    if chosen is None:
        raise HTTPException(404, "There is no mart that you may see.")
    keys = (subject_id or [])[: marts.MOST_SUBJECTS] if mart in (None, chosen.mart) else []
    asked = api.Wanted(chosen.source, chosen.mart, keys, first, end, measure, by_year)
    offered = await ask(lambda connection: marts.subjects_of(connection, chosen.source, search or None))
    found = await api.series(asked)
    query = urlencode(
        {
            "subject_id": [subject.subject_id for subject in found.subjects],
            "first": found.first,
            "end": found.end,
            "measure": asked.measure or "",
            "by_year": by_year,
        },
        doseq=True,
    )
    return show(
        request,
        "marts.html",
        "Marts",
        marts=known,
        chosen=chosen,
        series=found,
        offered=offered,
        asked=asked,
        search=search or "",
        query=query,
        attribution=SOURCES[chosen.source].attribution,
        kind=SOURCES[chosen.source].subjects,
    )
