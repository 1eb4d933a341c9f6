"""Loads of ten places and a year each, and what they take."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter

from include.landing import Response
from include.loads import begin_extraction
from include.seeds import load_seeds, read_seeds
from include.source import ApiRequest
from include.sources.weather import SOURCE
from include.warehouse import Connection, now_of
from include.windows import Window
from sandbox import Sandbox
from tests.bench.history import bytes_of, new_warehouse, wal_position
from tests.bench.steps import asked, extract_by, plan, publish, refresh, transform, validate

STEPS = ("extract", "transform", "validate", "publish", "refresh")
REVISED = 100
"""One hour of so many is revised."""


@dataclass(frozen=True)
class Pass:
    """All loads once: seconds and bytes of WAL of each step, and by how many bytes each schema's tables grew."""

    seconds: dict[str, float]
    wal: dict[str, float]
    growth: dict[str, float]


def follow_ten_places(owner: Connection) -> None:
    """Those of the seed file."""
    load_seeds(owner, read_seeds())


def year_of(year: int) -> Window:
    """The window of a load."""
    return Window(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))


def write_responses(years: Sequence[int], as_first: Path, as_revised: Path) -> None:
    """What the sandbox answers for each year, and the same with one temperature of a hundred a tenth of a degree higher."""
    with new_warehouse() as warehouse, Sandbox(limits=False) as sandbox:
        follow_ten_places(warehouse.owner)
        for year in years:
            load = begin_extraction(warehouse.loader, planned(warehouse.loader, "responses", year))
            (request,) = SOURCE.conversation(warehouse.loader, load, now_of(warehouse.loader))
            body = asked(f"{sandbox.url}{request.endpoint}?{request.query}").body
            (as_first / f"{year}.json").write_bytes(body)
            places = json.loads(body)
            for place in places:
                values = place["hourly"]["temperature_2m"]
                values[::REVISED] = [round(value + 0.1, 1) for value in values[::REVISED]]
            (as_revised / f"{year}.json").write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")


def one_pass(admin: Connection, loader: Connection, name: str, years: Sequence[int], bodies: Path) -> Pass:
    """All loads, one after the other, then the mart. `admin` looks at what the server does meanwhile."""
    # What was written before would be written to disk, and its pages to the WAL as a whole, in the time of what comes next.
    admin.execute("CHECKPOINT")
    seconds: dict[str, float] = defaultdict(float)
    wal: dict[str, float] = defaultdict(float)
    before = bytes_of(admin)

    def timed(step: str, work: Callable[[], object]) -> None:
        at, began = wal_position(admin), perf_counter()
        work()
        seconds[step] += perf_counter() - began
        wal[step] += wal_position(admin) - at

    for year in years:
        load_id = planned(loader, name, year)
        body = (bodies / f"{year}.json").read_bytes()

        def ask(request: ApiRequest, body: bytes = body) -> Response:
            return Response(200, request.endpoint, body)

        timed("extract", partial(extract_by, ask, loader, load_id))
        timed("transform", partial(transform, loader, load_id))
        timed("validate", partial(validate, loader, load_id))
        timed("publish", partial(publish, loader, load_id))
    timed("refresh", partial(refresh, loader, SOURCE.marts[0]))
    return Pass(seconds, wal, {schema: after - before[schema] for schema, after in bytes_of(admin).items()})


def planned(connection: Connection, name: str, year: int) -> int:
    """A new load of all places for a year; its id."""
    (load_id,) = plan(year_of(year), SOURCE.batch.default, connection, f"{name} {year}")
    return load_id
