"""What the page shows, as JSON."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response

from include.sources import SOURCES
from include.view import charts, coverage, freshness, loads, marts, quality
from include.warehouse import Connection, now_of
from plugins.view.access import Visible
from plugins.view.reader import ask, draw

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
Day = date | Literal[""] | None
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


def today() -> date:
    """What is shown where no day is chosen."""
    return datetime.now(UTC).date()


@router.get("/freshness")
async def health(sources: Chosen) -> freshness.Health:
    """How fresh the sources and their marts are, and what the doctor says of that."""
    return await ask(lambda connection: freshness.health(connection, sources, now_of(connection)))


@router.get("/coverage/{source}")
async def calendar(source: Known, month: Month = None, search: Search = None, skip: Skip = 0) -> coverage.Calendar:
    """The days of a month of what is followed of a source, 25 places or pages at a time."""
    first = date.fromisoformat(f"{month}-01") if month else today().replace(day=1)
    return await ask(
        lambda connection: coverage.calendar(connection, source, first, search or None, skip, now_of(connection))
    )


@router.get("/coverage/{source}/{subject_id}/{day}")
async def subject_day(source: Known, subject_id: Key, day: date) -> coverage.Line:
    """One UTC day of a place or page."""
    if not 1940 <= day.year < 3000:
        raise HTTPException(404, "There are days from 1940 on.")
    line = await ask(lambda connection: coverage.subject_day(connection, source, subject_id, day, now_of(connection)))
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
    return await ask(lambda connection: quality.pass_rates(connection, sources, now_of(connection)))


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


class Wanted:
    """Some days of some subjects of a mart: a year by default, of the first subject by name."""

    def __init__(
        self,
        source: Known,
        mart: Annotated[str, Path(description="Name of a mart of the source, without its schema.")],
        subject_id: Annotated[list[int] | None, Query(max_length=marts.MOST_SUBJECTS)] = None,
        first: Day = None,
        end: Annotated[Day, Query(description="Exclusive; tomorrow by default.")] = None,
        measure: Annotated[str | None, Query(description="One of them; all by default.")] = None,
        by_year: Annotated[bool, Query(description="Whether the years of a subject are drawn side by side.")] = False,
    ) -> None:
        if mart not in {each.name for each in SOURCES[source].marts}:
            raise HTTPException(404, f"{source} has no mart {mart!r}.")
        self.source, self.mart, self.measure, self.by_year = source, mart, measure or None, by_year
        self.subject_ids = subject_id or []
        self.end = end or today() + timedelta(days=1)
        self.first = first or self.end - timedelta(days=365)
        if not 0 < (self.end - self.first).days <= marts.MOST_DAYS:
            raise HTTPException(422, f"first has to be before end, by at most {marts.MOST_DAYS} days.")


Asked = Annotated[Wanted, Depends()]


@router.get("/marts")
async def measures(sources: Chosen) -> list[marts.Measures]:
    """The marts of the sources and what they measure."""

    def of_all(connection: Connection) -> list[marts.Measures]:
        listed = ((source, mart.name) for source in sources for mart in SOURCES[source].marts)
        return [found for source, mart in listed if (found := marts.measures_of(connection, source, mart))]

    return await ask(of_all)


@router.get("/marts/{source}/{mart}")
async def series(asked: Asked) -> marts.Series:
    """Some days of some subjects of a mart; of the first by name where none is named."""
    return await ask(lambda connection: _series(connection, asked))


@router.get("/marts/{source}/{mart}/data.csv", response_class=Response)
async def data(asked: Asked) -> Response:
    """The same as CSV, with the names of the subjects."""
    found = await series(asked)
    names = {subject.subject_id: subject.subject for subject in found.subjects}
    columns = [column.name for column in found.measures.columns]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([found.measures.subject, "subject", found.measures.day, *columns])
    writer.writerows([key, names.get(key, ""), day, *values] for key, day, *values in found.rows)
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=_attachment(asked, "csv"))


@router.get("/marts/{source}/{mart}/chart.svg", response_class=Response)
async def svg(asked: Asked) -> Response:
    """The same as a picture."""
    return Response(await _drawn(asked, "svg"), media_type="image/svg+xml")


@router.get("/marts/{source}/{mart}/chart.png", response_class=Response)
async def png(asked: Asked) -> Response:
    """The same as a picture, to be kept."""
    return Response(await _drawn(asked, "png"), media_type="image/png", headers=_attachment(asked, "png"))


async def _drawn(asked: Wanted, form: charts.Format) -> bytes:
    return await draw(charts.text_of(await series(asked), by_year=asked.by_year), form)


def _attachment(asked: Wanted, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{asked.mart}.{ending}"'}


def _series(connection: Connection, asked: Wanted) -> marts.Series:
    found = marts.measures_of(connection, asked.source, asked.mart)
    if found is None:
        raise HTTPException(404, f"mart.{asked.mart} has no days to show.")
    if asked.measure:
        found = found.only(asked.measure)
    keys = asked.subject_ids or [subject.subject_id for subject in marts.subjects_of(connection, asked.source)[:1]]
    return marts.series(connection, found, keys, asked.first, asked.end)
