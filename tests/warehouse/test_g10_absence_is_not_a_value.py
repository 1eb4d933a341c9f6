"""G10: absence never overwrites, and the newest response that knows a value gives it, in whatever order loads are published."""

import json
import random
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.seeds import SeedLocation
from include.sources.weather.api import UNITS
from include.sources.weather.suite import SUITE
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.pipeline import RUN_NUMBERS, DagRun, Pipeline, mistaken, snapshot, task

DAY = ("2026-10-05", "2026-10-06")
HOUR = "2026-10-05T03:00"
BOSTON_AT = (42.3601, -71.0589)
COLUMNS = (
    "temperature_celsius", "humidity_percent", "precipitation_mm", "cloud_cover_percent",
    "pressure_hpa", "wind_speed_mps", "wind_direction_degrees", "weather_code",
)  # fmt: skip
"""In the order of core, which is that of UNITS too."""


def load(pipeline: Pipeline, *window: str, **conf: Any) -> DagRun:
    """A run of weather that must succeed."""
    run = pipeline.run("weather", *(window or DAY), conf=conf)
    assert run.errors == {}
    return run


def planned(pipeline: Pipeline, until: str = "validate", **conf: Any) -> DagRun:
    """A run over DAY that has come as far as `until`."""
    run = DagRun(
        "weather", f"g10_{next(RUN_NUMBERS)}", {"start_date": DAY[0], "end_date": DAY[1]} | conf, pipeline.clock()
    )
    pipeline.finish(pipeline.plan(run), until=until)
    assert run.errors == {}
    return run


def hour(pipeline: Pipeline, columns: str) -> tuple[Any, ...]:
    """Of the hour HOUR in Boston."""
    return pipeline.rows(f"SELECT {columns} FROM core.weather WHERE location_id = 1 AND observed_at = %s", f"{HOUR}Z")[
        0
    ]


def says(sandbox: Sandbox, **values: float | None) -> None:
    """What the next response says of the hour HOUR in Boston, by the service's names."""
    sandbox.faults += [
        Fault.absurd(variable, value, hour=HOUR, place=BOSTON_AT, times=1) for variable, value in values.items()
    ]


def test_g10_rain_that_a_later_response_does_not_know_stays(pipeline: Pipeline, sandbox: Sandbox, cases: Path) -> None:
    places = [SeedLocation(f"place {n}", Decimal(40 + n), Decimal(-70 - n), "US", None, None, "UTC") for n in range(5)]
    follow(pipeline.owner, places, [])
    bodies = [(cases / f"weather_{name}.json").read_bytes() for name in ("1_known", "2_rain_of_place_2_null")]
    rain = "SELECT total_precipitation_mm FROM mart.daily_weather_aggregates WHERE location_name = 'place 2'"
    for body in bodies:
        sandbox.faults.append(Fault(path="/v1", rewrite=lambda _, body=body: body))
        load(pipeline, "2026-11-18", "2026-11-19")
        pipeline.refresh_marts()
        assert pipeline.value(rain) == Decimal("12.00")
    known = snapshot(pipeline)
    pipeline.owner.execute("TRUNCATE core.weather, core.weather_daily")
    load(pipeline, "2026-11-18", "2026-11-19", replay=True)
    assert snapshot(pipeline) == known
    assert pipeline.value(rain) == Decimal("12.00")


def test_g10_a_merged_hour_names_the_response_of_each_value(pipeline: Pipeline, sandbox: Sandbox) -> None:
    says(sandbox, precipitation=7.5, temperature_2m=11.1)
    load(pipeline)
    assert hour(pipeline, "raw_id, field_raw_ids") == (1, None)
    says(sandbox, precipitation=None, temperature_2m=22.2)
    load(pipeline)
    assert hour(pipeline, "precipitation_mm::text, temperature_celsius::text") == ("7.50", "22.20")
    assert hour(pipeline, "raw_id, field_raw_ids, load_id") == (3, [3, 3, 1, 3, 3, 3, 3, 3], 2)
    says(sandbox, precipitation=None, temperature_2m=22.2)
    load(pipeline)
    assert pipeline.value("SELECT rows_changed FROM audit.load ORDER BY load_id DESC LIMIT 1") == 0
    says(sandbox, precipitation=8.5, temperature_2m=22.2)
    load(pipeline)
    assert hour(pipeline, "precipitation_mm::text, raw_id, field_raw_ids") == ("8.50", 7, None)


def test_g10_a_value_that_nobody_knows_has_no_lineage(pipeline: Pipeline, sandbox: Sandbox) -> None:
    says(sandbox, precipitation=None)
    load(pipeline)
    says(sandbox, precipitation=None, temperature_2m=None, cloud_cover=50)
    load(pipeline)
    assert hour(pipeline, "raw_id, field_raw_ids") == (3, [1, 3, None, 3, 3, 3, 3, 3])


def test_g10_a_late_publish_gives_what_the_newer_response_did_not_know(pipeline: Pipeline, sandbox: Sandbox) -> None:
    says(sandbox, precipitation=7.5, temperature_2m=11.1)
    early = planned(pipeline)
    says(sandbox, precipitation=None, temperature_2m=22.2)
    load(pipeline)
    assert pipeline.finish(early, since="publish").errors == {}
    assert hour(pipeline, "precipitation_mm::text, temperature_celsius::text") == ("7.50", "22.20")
    assert hour(pipeline, "raw_id, field_raw_ids") == (3, [3, 3, 1, 3, 3, 3, 3, 3])


def test_g10_the_order_is_that_of_the_responses_not_of_their_loads_ends(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Two slots of the pool: the extraction that began first ends last."""
    from include.loads import begin_extraction, finish_extraction

    runs = [planned(pipeline, "extract"), planned(pipeline, "extract")]
    loads = [begin_extraction(pipeline.owner, run.loads[0]["load_id"]) for run in runs]
    for begun, value in zip(loads, (11.1, 22.2), strict=True):
        says(sandbox, temperature_2m=value)
        pipeline.task("weather", "load.extract")._converse(pipeline.owner, begun)
    for begun in reversed(loads):
        finish_extraction(pipeline.owner, begun, 2)
    for run in reversed(runs):
        assert pipeline.finish(run, since="transform").errors == {}
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)


def test_g10_a_response_between_two_that_agree_never_wins_late(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """The newer one changed nothing: its rows would name the older one still."""
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    says(sandbox, temperature_2m=11.1)
    between = planned(pipeline)
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    assert pipeline.finish(between, since="publish").errors == {}
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)


def test_g10_an_hour_set_aside_between_two_that_agree_never_wins_late(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is corrected, and the audit of the load that it had failed is done again."""
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    says(sandbox, temperature_2m=61)
    between = load(pipeline)
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    pipeline.finish(between, since="transform", until="validate")
    pipeline.owner.execute("UPDATE staging.weather SET is_quarantined = false")
    assert pipeline.finish(between, since="publish").errors == {}
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)


def test_g10_a_replay_that_ends_late_does_not_replace_what_was_read_since(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """It found a response that no load will ever publish; the newer reading changed nothing."""
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    says(sandbox, temperature_2m=11.1)
    pipeline.plan(planned(pipeline))
    replay = planned(pipeline, replay=True)
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    assert pipeline.finish(replay, since="publish").errors == {}
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)


def test_g10_a_value_that_was_set_aside_is_not_a_value(pipeline: Pipeline, sandbox: Sandbox) -> None:
    """Also for a replay: it judges the stored responses anew, whatever former audits made of them."""
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    says(sandbox, temperature_2m=99)
    load(pipeline)
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)
    pipeline.owner.execute("TRUNCATE core.weather")
    load(pipeline, replay=True)
    assert hour(pipeline, "temperature_celsius::text, raw_id") == ("22.20", 1)


def test_g10_a_replay_overrules_what_is_outside_a_limit_by_now(
    pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (22.2, 55.5):
        says(sandbox, temperature_2m=value)
        load(pipeline)
    narrow = tuple(replace(limit, highest=50) if "celsius" in limit.column else limit for limit in SUITE.limits)
    monkeypatch.setattr(task("weather", "load.validate"), "suite", replace(SUITE, limits=narrow))
    load(pipeline, replay=True)
    assert hour(pipeline, "temperature_celsius::text, raw_id") == ("22.20", 1)


def test_g10_what_a_unit_withheld_is_not_a_value_and_what_lies_outside_the_window_is_not_published(
    pipeline: Pipeline, sandbox: Sandbox
) -> None:
    says(sandbox, temperature_2m=22.2)
    load(pipeline)
    says(sandbox, temperature_2m=11.1)
    second = planned(pipeline)
    pipeline.owner.execute("UPDATE staging.weather SET is_withheld = true WHERE location_id = 1")
    pipeline.owner.execute(
        "UPDATE staging.weather SET is_in_window = false, temperature_celsius = 1 WHERE location_id = 2"
    )
    assert pipeline.finish(second, since="publish").errors == {}
    assert hour(pipeline, "temperature_celsius::text") == ("22.20",)
    assert pipeline.rows("SELECT rows_published, rows_changed FROM audit.load WHERE load_id = 2") == [(0, 0)]


@dataclass
class Oracle:
    """What core must hold: of each cell the newest known value of all responses that were published, or that a replay found.

    It reads raw itself, and knows nothing of loads but their order of events.
    """

    pipeline: Pipeline
    published: set[int] = field(default_factory=set)
    """Raw ids."""

    def publish(self, run: DagRun) -> None:
        """After the task publish of the run's only load."""
        load_id = run.loads[0]["load_id"]
        if run.conf.get("replay"):
            query = "SELECT raw_id FROM audit.load_response WHERE load_id = %s"
        else:
            query = (
                "SELECT response.id FROM raw.weather_observations AS response JOIN audit.load USING (load_id, attempt) "
                "WHERE load_id = %s"
            )
        self.published |= {raw_id for (raw_id,) in self.pipeline.rows(query, load_id)}

    def cells(self) -> dict[tuple[int, str], list[tuple[Decimal, int] | None]]:
        """By place and hour: of each column the value and the raw id of the response that gave it."""
        known: dict[tuple[int, str], list[tuple[Decimal, int] | None]] = {}
        responses = "SELECT id, location_id, payload FROM raw.weather_observations WHERE id = ANY(%s) ORDER BY id"
        for raw_id, place, payload in self.pipeline.rows(responses, sorted(self.published)):
            hourly = json.loads(payload, parse_float=Decimal, parse_int=Decimal)["hourly"]
            for index, stamp in enumerate(hourly["time"]):
                values = [hourly[variable][index] for variable in UNITS]
                if values[0] is not None and values[0] > 60:
                    continue  # outside the limit, and with it the row
                values[5] = values[5] if values[5] is None else round(values[5] / Decimal("3.6"), 3)
                cells = known.setdefault((place, stamp), [None] * len(COLUMNS))
                known[place, stamp] = [
                    was if value is None else (value, raw_id) for was, value in zip(cells, values, strict=True)
                ]
        return {key: cells for key, cells in known.items() if any(cells)}

    def check(self) -> None:
        """Core is what it must be; a lineage may name any response that gave the same value."""
        found = {
            (place, stamp): values
            for place, stamp, *values in self.pipeline.rows(
                f"SELECT location_id, to_char(observed_at, 'YYYY-MM-DD\"T\"HH24:MI'), {', '.join(COLUMNS)} FROM core.weather"
            )
        }
        assert found == {key: [cell and cell[0] for cell in cells] for key, cells in self.cells().items()}


@dataclass
class History:
    """Three to five responses for a day of two places, published in any order, cleared, and replayed."""

    pipeline: Pipeline
    sandbox: Sandbox
    dice: random.Random

    def play(self) -> None:
        """Raises AssertionError where core is not what the oracle says."""
        oracle = Oracle(self.pipeline)
        runs = [self._asked() for _ in range(self.dice.randint(3, 5))]
        late = [run for run in runs if self.dice.random() < 0.7] + [runs[0]]
        for run in self.dice.sample(late, len(late)):
            if self.dice.random() < 0.3:
                self._response_next()
                self.pipeline.finish(run)  # cleared at extract: a response of its own
            elif self.dice.random() < 0.3:
                replay = planned(self.pipeline, replay=True)
                self._publish(oracle, self._asked())
                self._publish(oracle, replay)
            self._publish(oracle, run)
        self.pipeline.owner.execute("TRUNCATE core.weather")
        self._publish(oracle, planned(self.pipeline, replay=True))

    def _publish(self, oracle: Oracle, run: DagRun) -> None:
        assert self.pipeline.finish(run, since="transform").errors == {}
        oracle.publish(run)
        oracle.check()

    def _asked(self) -> DagRun:
        self._response_next()
        return planned(self.pipeline, until="extract")

    def _response_next(self) -> None:
        self.sandbox.faults.append(Fault(path="/v1", transform=self._fill, times=1))

    def _fill(self, places: Any) -> Any:
        """Few different values, so that responses often agree on a whole hour; km/h that are exact in m/s."""
        choices = {"pressure_msl": (1000, 1001), "weather_code": (0, 61)}
        for place in places:
            hourly = place["hourly"]
            for index in range(24):
                which, unknown = self.dice.randrange(2), self.dice.choice((0, 0, 0.4))
                for variable in UNITS:
                    value = choices.get(variable, (3.6, 7.2))[which]
                    hourly[variable][index] = None if self.dice.random() < unknown else value
            hourly["temperature_2m"][self.dice.randrange(24)] = 99
        return places


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit only sets rows aside."""
    monkeypatch.setattr(task("weather", "load.validate"), "suite", replace(SUITE, checks=()))


@pytest.mark.parametrize("seed", range(6))
def test_g10_core_holds_the_newest_known_value_of_each_cell(
    pipeline: Pipeline, sandbox: Sandbox, lenient: None, seed: int
) -> None:
    History(pipeline, sandbox, random.Random(seed)).play()


MISTAKES = {
    "what a response does not know is taken": (
        "FILTER (WHERE precipitation_mm IS NOT NULL)",
        "FILTER (WHERE precipitation_mm IS NOT NULL OR is_offered = 1)",
    ),
    "the last publish wins": ("        (SELECT this.overruled FROM this)\n", "        9999\n"),
    "the last publish wins as a whole": ("known.raw_id <= offered.raw_id", "true"),
    "an unchanged row keeps the name of the older response": (
        "audit.unsettled_load AS",
        "(SELECT * FROM audit.unsettled_load LIMIT 0) AS",
    ),
    "a row that a replay confirms keeps the name of the older response": (
        "response.location_id = ANY(this.subject_ids)",
        "NOT this.is_replay",
    ),
    "a field has the raw id of its row": (
        "CASE WHEN said_by.oldest < said_by.newest THEN pieced.field_raw_ids END",
        "NULL",
    ),
    "a row that was set aside counts": ("AND NOT is_quarantined", ""),
}
"""In the statement that merges, as text and what stands in its place."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_g10_the_oracle_notices_a_mistake(pipeline: Pipeline, sandbox: Sandbox, lenient: None, mistake: str) -> None:
    right, wrong = MISTAKES[mistake]
    with mistaken("weather/upsert", {right: wrong}), pytest.raises(AssertionError):
        for seed in range(6):
            pipeline.owner.execute("TRUNCATE core.weather")
            History(pipeline, sandbox, random.Random(seed)).play()
