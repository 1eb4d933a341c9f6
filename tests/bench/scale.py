"""What grows with what: marts with their history, a run with its places, memory with a response, and loads side by side.

A PostgreSQL of its own and the steps of the tasks, through the same functions, without Airflow.
"""

import json
import resource
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib import import_module
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from time import monotonic
from typing import Any

import psycopg

from include.landing import land, text_of
from include.loads import begin_extraction
from include.marts import refresh_mart
from include.source import ApiRequest
from include.sources.weather import SOURCE
from include.sources.weather.api import UNITS
from include.subjects import Place
from include.warehouse import Connection
from include.windows import Window
from sandbox import Fault, Sandbox
from tests.bench.figures import Figure, Goal, Table
from tests.bench.history import bytes_of, new_warehouse, today, wal_position
from tests.bench.history import run as run_own
from tests.bench.steps import REST, Step, asked, extract, plan, refresh

MEGABYTE = 10**6
(MART,) = SOURCE.marts
FORK = get_context("fork")


def measure(quick: bool) -> list[Table]:
    """The tables of this part."""
    # It takes seconds, once in the process that Airflow's workers are forked from.
    import_module("include.audit.expectations")
    return [
        mart_refresh((10, 30) if quick else (10, 100, 1000), 100 if quick else 1000),
        many_places((100, 300) if quick else (1000, 10_000)),
        large_body(5 if quick else 50),
        side_by_side(30 if quick else 366),
        room(10 if quick else 30),
    ]


# A mart and its history


def mart_refresh(histories: tuple[int, ...], places: int) -> Table:
    """The refresh after one new day, and what it would take to read all hours instead, with histories of so many days."""
    figures: list[Figure] = []
    ratios = {}
    with new_warehouse() as warehouse:
        warehouse.follow_places(places)
        run_own(warehouse.owner, "hourly_mart", {})
        refresh_mart(warehouse.loader, MART, SOURCE.name, always=True)
        first = end = today() - timedelta(days=max(histories) + len(histories))
        for days in histories:
            # The day before was published when it was measured.
            warehouse.add_hours(end, first + timedelta(days=days))
            warehouse.roll_up(end, first + timedelta(days=days))
            end = first + timedelta(days=days)
            warehouse.analyze()
            refresh_mart(warehouse.loader, MART, SOURCE.name, always=True)
            seconds = []
            for _ in range(3):
                warehouse.add_hours(end, end + timedelta(days=1))
                warehouse.roll_up(end, end + timedelta(days=1))
                end += timedelta(days=1)
                seconds.append(timed(lambda: refresh_mart(warehouse.loader, MART, SOURCE.name, always=True)))
            all_hours = timed(lambda: warehouse.loader.execute("SELECT mart.refresh('from_all_hours')"))
            refresh = Figure(f"the mart, {days:,} days", tuple(seconds))
            figures += [refresh, Figure(f"a mart of all hours, {days:,} days", (all_hours,))]
            ratios[days] = Figure(f"the one to the other, {days:,} days", (all_hours / refresh.median,), "×")
    return Table(
        f"Refreshing the mart of weather after one new day of {places:,} places",
        (*figures, *ratios.values()),
        {ratios[max(histories)].what: Goal(at_least=20)},
        "The mart reads the daily rollup. A mart of all hours has the same columns and indexes and makes its days of core.weather "
        "at each refresh; both are refreshed CONCURRENTLY, so that readers do not wait.",
    )


# A run and its places


def many_places(counts: tuple[int, int]) -> Table:
    """One day of few and of many places: each step for all loads of the run, one after the other in a process of its own."""
    few, many = (steps_of_a_day(count) for count in counts)
    seconds = [
        Figure(f"{step}, {count:,} places", (steps[step].seconds,))
        for step in few
        for count, steps in zip(counts, (few, many), strict=True)
    ]
    growth = [Figure(f"{step}, the one to the other", (many[step].seconds / few[step].seconds,), "×") for step in few]
    memory = Figure("memory of the largest process", (max(step.peak for step in many.values()),), "MB")
    return Table(
        f"One day of {counts[1]:,} places beside one of {counts[0]:,}",
        (*seconds, *growth, memory),
        {figure.what: Goal(at_most=counts[1] / counts[0]) for figure in growth} | {memory.what: Goal(at_most=300)},
        "All loads of the run one after the other. Memory is that of a process without Airflow that does one step of all of them, "
        "Great Expectations included.",
    )


def steps_of_a_day(places: int) -> dict[str, "Measured"]:
    """Each step of a day of so many places."""
    day = Window(datetime(2021, 3, 8, tzinfo=UTC), datetime(2021, 3, 9, tzinfo=UTC))
    with new_warehouse() as warehouse, Sandbox(limits=False) as sandbox:
        warehouse.follow_places(places)
        url = warehouse.url("dw_loader")
        measured = {"plan": in_a_process(partial(for_each, url, partial(plan, day, SOURCE.batch.default), ["day"]))}
        loads = [row[0] for row in warehouse.owner.execute("SELECT load_id FROM audit.load ORDER BY 1")]
        steps: dict[str, Step] = {"extract": partial(extract, sandbox.url), **REST}
        for name, step in steps.items():
            measured[name] = in_a_process(partial(for_each, url, step, loads))
        measured["refresh"] = in_a_process(partial(for_each, url, refresh, [MART]))
    return measured


def for_each(url: str, step: Step, ids: Sequence[Any]) -> None:
    """The step of each, in one session."""
    with psycopg.connect(url, autocommit=True) as connection:
        for each in ids:
            step(connection, each)


@dataclass(frozen=True)
class Measured:
    """Of a job in a process of its own: seconds, the most memory that the process had and by how much it grew (MB), its result."""

    seconds: float
    peak: float
    grown: float
    result: Any


def in_a_process(job: Callable[[], Any]) -> Measured:
    """Does a job in a fork, which begins with what it shares with its parent."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_measure, args=(sender, job))
    process.start()
    sender.close()
    measured: Measured = receiver.recv()
    process.join()
    return measured


def _measure(sender: "Pipe[Any, Any]", job: Callable[[], Any]) -> None:
    before, began = peak_memory(), monotonic()
    result = job()
    sender.send(Measured(monotonic() - began, peak_memory(), peak_memory() - before, result))


def peak_memory() -> float:
    """Of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def timed(job: Callable[[], object]) -> float:
    """Seconds."""
    began = monotonic()
    job()
    return monotonic() - began


# A large response


def large_body(megabytes: int) -> Table:
    """A response of so many megabytes: read from the socket, checked, cut and landed."""
    body, request = response_of(megabytes * MEGABYTE)
    with new_warehouse() as warehouse, Sandbox(limits=False) as sandbox:
        warehouse.follow_places(len(request.subject_ids))
        sandbox.faults.append(Fault(path=request.endpoint, times=None, status=200, body=body))
        job = partial(land_large, warehouse.url("dw_loader"), sandbox.url, request)
        measured = [in_a_process(job) for _ in range(3)]
    parts = [Figure(part, tuple(each.result[part] for each in measured)) for part in measured[0].result]
    whole = Figure("all of it", tuple(sum(each.result.values()) for each in measured))
    memory = Figure("memory that it takes", tuple(each.grown for each in measured), "MB")
    return Table(
        f"A response of {megabytes} MB for {len(request.subject_ids)} places",
        (whole, *parts, memory),
        {whole.what: Goal(at_most=3)},
        "Far more than is asked for: a request has at most 8 MB of response, by its weight.",
    )


def land_large(url: str, sandbox: str, request: ApiRequest) -> dict[str, float]:
    """Seconds of each part."""
    with psycopg.connect(url, autocommit=True) as connection:
        (load_id, *_) = plan(request.window, len(request.subject_ids), connection, "large")
        load = begin_extraction(connection, load_id)
        moments = [monotonic()]
        response = asked(f"{sandbox}{request.endpoint}?{request.query}")
        moments.append(monotonic())
        raw_rows, _ = SOURCE.read(request, text_of(response.body)[0])
        moments.append(monotonic())
        land(connection, SOURCE, load, request, response, raw_rows)
        moments.append(monotonic())
    parts = ("read from the socket", "checked and cut", "landed")
    return {part: end - start for part, (start, end) in zip(parts, pairwise(moments), strict=True)}


def response_of(size: int) -> tuple[bytes, ApiRequest]:
    """A body of at least so many bytes as the service writes it, 520 days of as many places as that takes, and its request."""
    hours = 520 * 24
    start = datetime(2023, 1, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(hours=hours))
    answer = {
        "latitude": 42.36515,
        "longitude": -71.07324,
        "utc_offset_seconds": 0,
        "hourly_units": {"time": "iso8601", **UNITS},
        "hourly": {
            "time": [f"{start + timedelta(hours=hour):%Y-%m-%dT%H:%M}" for hour in range(hours)],
            **{
                name: [round((hour * 7 + number) % 1000 / 10, 1) for hour in range(hours)]
                for number, name in enumerate(UNITS)
            },
        },
    }
    answers: list[str] = []
    while sum(map(len, answers)) < size:
        location = {"location_id": len(answers)} if answers else {}
        answers.append(json.dumps(location | answer, ensure_ascii=False, separators=(",", ":")))
    places = tuple(Place(key, f"place {key}", Decimal(1), Decimal(1)) for key in range(1, len(answers) + 1))
    request = ApiRequest(
        "open_meteo_archive",
        "/v1/archive",
        {},
        window,
        "places",
        tuple(place.location_id for place in places),
        context=places,
    )
    return f"[{','.join(answers)}]".encode(), request


# Loads side by side


def side_by_side(days: int) -> Table:
    """Eight loads of ten places, by one, two and eight processes: into months that were not there before."""
    figures = []
    with new_warehouse() as warehouse, Sandbox(limits=False) as sandbox:
        warehouse.follow_places(80)
        for processes, year in ((1, 2012), (2, 2016), (8, 2020)):
            start = datetime(year, 1, 1, tzinfo=UTC)
            loads = plan(Window(start, start + timedelta(days=days)), 10, warehouse.loader, str(year))
            for load_id in loads:
                extract(sandbox.url, warehouse.loader, load_id)
            jobs = [partial(for_each, warehouse.url("dw_loader"), after_extract, [load_id]) for load_id in loads]
            with ProcessPoolExecutor(processes, FORK) as pool:
                seconds = timed(partial(do_all, pool, jobs))
            figures.append(Figure(f"{processes} at a time", (seconds,)))
    one, two, eight = figures
    by_two = Figure("two at a time beside one", (one.median / two.median,), "×")
    by_eight = Figure("eight at a time beside one", (one.median / eight.median,), "×")
    return Table(
        f"Eight loads of ten places and {days} days: transform, validate, publish",
        (*figures, by_two, by_eight),
        {by_two.what: Goal(at_least=1.6)},
        "Processes without Airflow, each load in one. What the sandbox answers was landed before.",
    )


def after_extract(connection: Connection, load_id: int) -> None:
    """The rest of a load."""
    for step in REST.values():
        step(connection, load_id)


def do_all(pool: ProcessPoolExecutor, jobs: Sequence[Callable[[], None]]) -> None:
    """Until the last has ended."""
    list(pool.map(call, jobs))


def call(job: Callable[[], None]) -> None:
    """What a pool's process is given."""
    job()


# What it takes on disk


def room(days: int) -> Table:
    """Bytes of what a schedule of one run a day leaves, which reads the last days again, and of one window over all of them."""
    places = 100
    start = datetime(2021, 3, 1, tzinfo=UTC)
    again = timedelta(days=SOURCE.revision_days)
    scheduled = [Window(start + timedelta(days=day) - again, start + timedelta(days=day + 1)) for day in range(days)]
    figures = []
    for what, windows in {
        "by daily runs": scheduled,
        "in one window": [Window(start, start + timedelta(days=days))],
    }.items():
        with new_warehouse() as warehouse, Sandbox(limits=False) as sandbox:
            warehouse.follow_places(places)
            before, wal = bytes_of(warehouse.owner), wal_position(warehouse.owner)
            for number, window in enumerate(windows):
                for load_id in plan(window, places, warehouse.loader, str(number)):
                    extract(sandbox.url, warehouse.loader, load_id)
                    after_extract(warehouse.loader, load_id)
            refresh(warehouse.loader, MART)
            wal = wal_position(warehouse.owner) - wal
            hours = warehouse.owner.execute("SELECT count(*) FROM core.weather").fetchone()
            assert hours is not None
            grown = {schema: size - before[schema] for schema, size in bytes_of(warehouse.owner).items()} | {"WAL": wal}
            figures += [Figure(f"{name}, {what}", (size / hours[0],), "bytes/hour") for name, size in grown.items()]
    return Table(
        f"What an hour of a place takes on disk: {days} days of {places} places",
        tuple(figures),
        {},
        f"Daily runs read the last {SOURCE.revision_days} days again: raw keeps each hour {SOURCE.revision_days + 1} times. "
        "Tables with their indexes; staging is empty afterwards and is used again.",
    )
