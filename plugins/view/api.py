"""What the page shows, as JSON."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query

from include.view import coverage, freshness, loads, quality
from include.windows import utc_now
from plugins.view.access import Visible
from plugins.view.reader import ask

router = APIRouter(prefix="/api", tags=["warehouse"])

MOST_SKIPPED = 100_000

Search = Annotated[str | None, Query(alias="q", max_length=200, description="Part of a name or of the words shown.")]
Skip = Annotated[int, Query(ge=0, le=MOST_SKIPPED, description="How many to leave out, for the next page.")]
Key = Annotated[int, Path(ge=0, lt=2**63)]
OptionalKey = Annotated[int | None, Query(ge=0, lt=2**63)]
Month = Annotated[
    str | None,
    Query(pattern=r"^(19[4-9]\d|2\d\d\d)-(0[1-9]|1[0-2])$", description="Such as 2026-11; this one by default."),
]
Status = Annotated[Literal["", *loads.STATUSES] | None, Query(description="State of the loads.")]  # type: ignore[valid-type]  # a list of the code


def chosen(
    sources: Visible, source: Annotated[str | None, Query(description="A source; all by default.")] = None
) -> list[str]:
    """The source that is asked for, where the user may see it; 404 for any other."""
    if source and source not in sources:
        raise HTTPException(404, f"There is no source {source!r} that you may see.")
    return [source] if source else list(sources)


def known(sources: Visible, source: Annotated[str, Path()]) -> str:
    """The source of the address; 404 where the user may not see it."""
    if source not in sources:
        raise HTTPException(404, f"There is no source {source!r} that you may see.")
    return source


Chosen = Annotated[list[str], Depends(chosen)]
Known = Annotated[str, Depends(known)]


@router.get("/freshness")
async def health(sources: Chosen) -> freshness.Health:
    """How fresh the sources and their marts are, and what the doctor says of that."""
    return await ask(lambda connection: freshness.health(connection, sources, utc_now()))


@router.get("/coverage/{source}")
async def calendar(source: Known, month: Month = None, search: Search = None, skip: Skip = 0) -> coverage.Calendar:
    """The days of a month of what is followed of a source, 25 places or pages at a time."""
    first = date.fromisoformat(f"{month}-01") if month else utc_now().date().replace(day=1)
    return await ask(lambda connection: coverage.calendar(connection, source, first, search or None, skip, utc_now()))


@router.get("/coverage/{source}/{subject_id}/{day}")
async def subject_day(source: Known, subject_id: Key, day: date) -> coverage.Line:
    """One UTC day of a place or page."""
    if not 1940 <= day.year < 3000:
        raise HTTPException(404, "There are days from 1940 on.")
    line = await ask(lambda connection: coverage.subject_day(connection, source, subject_id, day, utc_now()))
    if line is None:
        raise HTTPException(404, f"{source} follows nothing with the number {subject_id}.")
    return line


@router.get("/loads")
async def recent_loads(
    sources: Chosen,
    status: Status = None,
    run_id: Annotated[str | None, Query(max_length=250)] = None,
    subject_id: OptionalKey = None,
    day: date | None = None,
    search: Search = None,
    before: OptionalKey = None,
) -> loads.Loads:
    """Loads, the newest first, 50 at a time."""
    wanted = loads.Filter(
        status=status or None, run_id=run_id or None, subject_id=subject_id, day=day, search=search or None
    )
    return await ask(lambda connection: loads.recent_loads(connection, sources, wanted, before))


@router.get("/loads/{load_id}")
async def one_load(load_id: Key, sources: Visible) -> loads.Load:
    """A load as the ledger has it."""
    load = await ask(lambda connection: loads.one_load(connection, sources, load_id))
    if load is None:
        raise HTTPException(404, f"There is no load {load_id} that you may see.")
    return load


@router.get("/quality/rates")
async def pass_rates(sources: Chosen) -> quality.Rates:
    """How often each expectation was met on each of the last 14 days."""
    return await ask(lambda connection: quality.pass_rates(connection, sources, utc_now()))


@router.get("/quality/rejections")
async def rejections(
    sources: Chosen, search: Search = None, load_id: OptionalKey = None, skip: Skip = 0
) -> quality.Rejections:
    """Rows that audits set aside, 50 at a time, those of the newest loads first."""
    return await ask(lambda connection: quality.rejections(connection, sources, search or None, load_id, skip))


@router.get("/quality/withheld")
async def withheld(
    sources: Chosen, search: Search = None, load_id: OptionalKey = None, skip: Skip = 0
) -> quality.Units:
    """Units that audits did not trust, 50 at a time, those of the newest loads first."""
    return await ask(lambda connection: quality.withheld(connection, sources, search or None, load_id, skip))


@router.get("/quality/results/{load_id}")
async def results(load_id: Key, sources: Visible) -> list[quality.Result]:
    """What the last audit of a load said of each expectation."""
    await one_load(load_id, sources)
    return await ask(lambda connection: quality.results(connection, load_id))


@router.get("/quality/responses/{load_id}/{raw_id}")
async def response(load_id: Key, raw_id: Key, sources: Visible) -> quality.Response:
    """A response that the audit of a load rejected something of, as it came."""
    load = await one_load(load_id, sources)
    found = await ask(lambda connection: quality.response(connection, load.source, load_id, raw_id))
    if found is None:
        raise HTTPException(404, f"The last audit of load {load_id} rejected nothing of response {raw_id}.")
    return found
