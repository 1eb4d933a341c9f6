"""What the web UI shows of a failed task: what and where in a first line that fits, all else in lines of its own."""

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.errors import FIRST_LINE, BadResponse
from include.seeds import SeedLocation
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import DagRun, Pipeline
from tests.warehouse.places import NEW_ENGLAND

DAY = {"start_date": "2026-10-05", "end_date": "2026-10-06"}
ADVICE = (
    "clear",
    "choose",
    "correct",
    "give",
    "start",
    "see",
    "add",
    "cut",
    "run ",
    "end_date is exclusive",
    "tried again",
)


def planned(pipeline: Pipeline, dag_id: str = "weather", **conf: object) -> DagRun:
    return pipeline.plan(DagRun(dag_id, "test", {**DAY, **conf}, pipeline.clock()))


def task_of(pipeline: Pipeline, step: str, dag_id: str = "weather", try_number: int = 1, **conf: object) -> None:
    """Runs one task alone, after plan."""
    operator = pipeline.task(dag_id, f"load.{step}")
    (operator.parameters, *_) = planned(pipeline, dag_id, **conf).loads
    operator.execute({"outlet_events": {}, "ti": SimpleNamespace(try_number=try_number, max_tries=3)})


def answered(
    fault: Fault, dag_id: str = "weather", try_number: int = 1, **conf: object
) -> Callable[[Pipeline, Sandbox], None]:
    def extract(pipeline: Pipeline, sandbox: Sandbox) -> None:
        sandbox.faults.append(fault)
        task_of(pipeline, "extract", dag_id, try_number, **conf)

    return extract


def misplanned(dag_id: str = "weather", **conf: object) -> Callable[[Pipeline, Sandbox], object]:
    return lambda pipeline, sandbox: planned(pipeline, dag_id, **conf)


def out_of_order(step: str) -> Callable[[Pipeline, Sandbox], None]:
    return lambda pipeline, sandbox: task_of(pipeline, step)


def planned_again(step: str) -> Callable[[Pipeline, Sandbox], None]:
    def clear(pipeline: Pipeline, sandbox: Sandbox) -> None:
        run = planned(pipeline)
        pipeline.owner.execute("UPDATE audit.load SET run_id = 'mend: Boston'")  # a run may be called so
        run.run_id = "mend: Boston"
        load = dict(run.loads[0])
        pipeline.plan(run)
        with pytest.raises(AirflowFailException, match=r"\nclear the whole run, not one of its tasks$") as raised:
            pipeline.execute("weather", step, load)
        raise raised.value

    return clear


def withheld(**conf: object) -> Callable[[Pipeline, Sandbox], None]:
    def validate(pipeline: Pipeline, sandbox: Sandbox) -> None:
        sandbox.faults.append(Fault.unit("temperature_2m", "°F", times=None))
        run = pipeline.run("weather", *DAY.values(), conf=conf)
        raise run.errors[0]

    return validate


def no_places(pipeline: Pipeline, sandbox: Sandbox) -> None:
    follow(pipeline.owner, [], [])
    planned(pipeline)


def many_places(pipeline: Pipeline, sandbox: Sandbox) -> None:
    places = [
        SeedLocation(f"A place with a long name, number {number}", number, number, None, None, None, "UTC")
        for number in range(80)
    ]
    follow(pipeline.owner, places, [NEW_ENGLAND])
    answered(Fault.bad_request("x" * 700))(pipeline, sandbox)


FAILURES = {
    "503": answered(Fault.overloaded(times=None)),
    "503, last try": answered(Fault.overloaded(times=None), try_number=4),
    "400": answered(Fault.bad_request("Latitude must be in range of -90 to 90°. Given: 200.0.")),
    "a long reason, many places": many_places,
    "key": answered(Fault.plan_required(path="/v1/forecast")),
    "limit": answered(Fault.rate_limited("Hourly")),
    "broken": answered(Fault(path="/v1", drop_at=50, times=None)),
    "nothing": answered(Fault(path="/", drop_at=0, times=None)),
    "nothing, last try": answered(Fault(path="/", drop_at=0, times=None), try_number=4),
    "portal": answered(Fault(path="/", status=200, body="<html>Log in</html>" * 50, times=None)),
    "maxlag": answered(Fault.maxlag(retry_after=700), "wikipedia"),
    "wiki": answered(Fault.wiki_error("badvalue", "Unrecognized value."), "wikipedia"),
    "replay of nothing": lambda pipeline, sandbox: task_of(pipeline, "extract", replay=True),
    "future": misplanned(start_date="2100-01-01", end_date="2100-01-02"),
    "before 1940": misplanned(start_date="1900-01-01", end_date="1900-01-02"),
    "reversed": misplanned(start_date="2026-10-06", end_date="2026-10-05"),
    "half": misplanned(end_date=None),
    "no date": misplanned(start_date="yesterday"),
    "no hour": misplanned(start_date="2026-10-05T01:10", end_date="2026-10-05T01:20"),
    "unknown place": misplanned(locations=["Atlantis"] * 1),
    "unknown places": misplanned(locations=[f"Nowhere in particular {number}" for number in range(30)]),
    "unknown page": misplanned("wikipedia", pages=["Atlantis"]),
    "unknown parameter": misplanned(start="2026-10-05"),
    "no places": no_places,
    "transform first": out_of_order("transform"),
    "validate first": out_of_order("validate"),
    "extract of an old plan": planned_again("extract"),
    "transform of an old plan": planned_again("transform"),
    "publish of an old plan": planned_again("publish"),
    "withheld": withheld(),
}


RETRIED = {"503", "503, last try", "limit", "broken", "nothing", "nothing, last try", "portal", "maxlag"}
"""Outages of a service, and refusals for a while."""


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_can_be_read_in_the_web_ui(pipeline: Pipeline, sandbox: Sandbox, failure: str) -> None:
    with pytest.raises((AirflowFailException, BadResponse)) as raised:
        FAILURES[failure](pipeline, sandbox)
    error = raised.value
    # A log shows what it was raised from too, which would bury it.
    assert error.__cause__ is None and (error.__suppress_context__ or error.__context__ is None)
    first, *more = str(error).splitlines()
    assert len(first) <= FIRST_LINE
    assert first.startswith(("weather", "wikipedia", "load "))
    assert any(re.search(rf"\b{re.escape(word)}\b", line) for line in more for word in ADVICE), more
    assert not any(line.startswith((" ", ";", ",")) or not line for line in more)
    # Airflow tries again what is not an AirflowFailException; the last try is the last one.
    assert isinstance(error, AirflowFailException) == (failure not in RETRIED)
    assert ("tried again" in str(error)) == (failure in RETRIED and "last try" not in failure)
