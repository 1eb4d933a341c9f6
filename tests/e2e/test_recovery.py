"""What a service's troubles do to a run: one load fails alone and is cleared alone, refusals are waited out."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest

from sandbox import Fault, Request
from tests.e2e.stack import Run, Stack

PLACE = "Denver"
WAIT_SECONDS = 8
"""More than the task's own first delays."""


def test_one_load_fails_alone_and_is_cleared_alone(stack: Stack) -> None:
    [(latitude,)] = stack.sql("SELECT trim_scale(latitude)::text FROM core.location WHERE location_name = %s", PLACE)
    stack.sandbox.faults.append(Fault.server_error(times=None, when=lambda request: latitude in request.query))
    since = len(stack.sandbox.requests)
    run = stack.trigger("weather", "2021-06-01", "2021-06-03")
    run.wait("failed")
    failed = check_that_one_load_failed(run, places_of_loads(run))
    good, bad = split(stack.sandbox.requests[since:], latitude)
    assert (len(good), len(bad)) == (2, failed.try_number)

    stack.sandbox.faults.clear()
    since = len(stack.sandbox.requests)
    run.clear_task(failed)
    run.wait("success")
    good, bad = split(stack.sandbox.requests[since:], latitude)
    assert (len(good), len(bad)) == (0, 1)
    assert run.loads("status") == [("published",)] * 3
    assert stack.sql(HOURS_OF_PLACES, "2021-06-01", "2021-06-03") == [(name, 48) for name in names(stack)]


HOURS_OF_PLACES = """
    SELECT location_name, count(*) FROM core.weather INNER JOIN core.location USING (location_id)
    WHERE observed_at >= %s AND observed_at < %s GROUP BY 1 ORDER BY 1
"""


def check_that_one_load_failed(run: Run, places: dict[int, list[str]]) -> Any:
    """The others are published; the failed one names its places in log and ledger. Returns its task."""
    failed = [task for task in run.tasks("load.extract") if task.state == "failed"]
    assert len(failed) == 1
    [task] = failed
    assert task.try_number > 1
    in_ledger = {index: (status, error) for index, status, error in run.loads("map_index, status, error")}
    status, error = in_ledger.pop(task.map_index)
    assert status == "failed"
    assert list(in_ledger.values()) == [("published", None)] * 2
    assert PLACE in places[task.map_index]
    last = run.errors(task)[-1]
    for name in places[task.map_index]:
        assert f"{name} (" in last
        assert f"{name} (" in error
    others = [name for index, names in places.items() if index != task.map_index for name in names]
    rows = run.stack.sql(HOURS_OF_PLACES, "2021-06-01", "2021-06-03")
    assert rows == [(name, 48) for name in sorted(others)]
    return task


def places_of_loads(run: Run) -> dict[int, list[str]]:
    """Map index -> names of the places."""
    rows = run.loads("map_index, ARRAY(SELECT location_name FROM core.location WHERE location_id = ANY(subject_ids))")
    return dict(rows)


def split(asked: list[Request], latitude: str) -> tuple[list[Request], list[Request]]:
    """The requests without and with that latitude."""
    return [r for r in asked if latitude not in r.query], [r for r in asked if latitude in r.query]


def names(stack: Stack) -> list[str]:
    """The tracked places."""
    return [name for (name,) in stack.sql("SELECT location_name FROM core.location ORDER BY 1")]


REFUSALS = {
    "weather": (Fault.rate_limited, {"headers": {"Retry-After": str(WAIT_SECONDS)}}, {"locations": ["Boston"]}),
    "wikipedia": (Fault.maxlag, {"retry_after": WAIT_SECONDS}, {"pages": ["Boston"]}),
}


@pytest.mark.parametrize("dag_id", list(REFUSALS))
def test_a_refusal_is_waited_out_as_long_as_the_service_asked(dag_id: str, stack: Stack) -> None:
    refuse, how, only = REFUSALS[dag_id]
    arrivals: list[float] = []
    stack.sandbox.faults += [Fault(when=lambda _: bool(arrivals.append(time.monotonic())), times=None), refuse(**how)]
    run = stack.trigger(dag_id, "2021-08-01", "2021-08-02", **only)
    run.wait("success")
    assert len(arrivals) == 2
    assert arrivals[1] - arrivals[0] >= WAIT_SECONDS
    assert run.task("load.extract", 0).try_number == 2
    assert run.loads("status, attempt") == [("published", 2)]


def test_one_request_at_a_time_reaches_a_service(stack: Stack) -> None:
    pools = {pool["name"]: pool["slots"] for pool in stack.api.get("/api/v2/pools?limit=100")["pools"]}
    assert (pools["open_meteo"], pools["mediawiki"]) == (1, 1)
    stack.sandbox.faults.append(Fault.slow(0.5, times=None))
    run = stack.trigger("weather", "2021-09-01", "2021-09-02")
    run.wait("success")
    spans = sorted((task.started, task.ended) for task in run.tasks("load.extract"))
    assert len(spans) == 3
    assert all(first_ended <= next_started for (_, first_ended), (next_started, _) in pairwise(spans))


def test_a_load_that_fails_its_audit_leaves_nothing_behind(stack: Stack) -> None:
    stack.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9))
    bad = stack.trigger("weather", "2021-10-01", "2021-10-02", locations=["Boston"])
    bad.wait("failed")
    stack.sandbox.faults.clear()
    good = stack.trigger("weather", "2021-10-02", "2021-10-03", locations=["Boston"])
    good.wait("success")

    validate = bad.task("load.validate", 0)
    assert (validate.state, validate.try_number) == ("failed", 1)
    assert bad.task("load.publish", 0).state == "upstream_failed"
    assert bad.loads("status") == [("rejected",)]
    assert "temperature_celsius" in bad.errors(validate)[-1]
    assert "999.9" in bad.errors(validate)[-1]
    days = "SELECT observed_at::date, count(*) FROM core.weather WHERE observed_at >= %s AND observed_at < %s GROUP BY 1"
    assert [(str(day), hours) for day, hours in stack.sql(days, "2021-10-01", "2021-10-03")] == [("2021-10-02", 24)]
    assert stack.sql("SELECT count(*) FROM core.weather WHERE temperature_celsius > 60") == [(0,)]
    assert stack.sql("SELECT count(*) FROM core.weather_daily WHERE max_temperature_celsius > 60") == [(0,)]
    [(quarantined,)] = stack.sql("SELECT count(*) FROM audit.quarantine WHERE load_id = %s", *bad.loads("load_id")[0])
    assert quarantined == 24
    assert json.dumps(stack.sql("SELECT load_id FROM staging.weather WHERE load_id = %s", *good.loads("load_id")[0])) == "[]"
