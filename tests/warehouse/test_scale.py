"""Ten thousand places are planned into batches that suit the API, and an answer without end is cut off."""

from sandbox import Fault, Sandbox
from tests.warehouse.pipeline import DagRun, Pipeline


def test_ten_thousand_places_are_a_hundred_loads(pipeline: Pipeline) -> None:
    pipeline.owner.execute(
        "INSERT INTO core.location (location_name, latitude, longitude, timezone) "
        "SELECT 'place ' || n, (n % 180) - 90, (n / 180) - 90, 'UTC' FROM generate_series(1, 9998) AS n"
    )
    run = pipeline.plan(
        DagRun("weather", "many", {"start_date": "2026-10-05", "end_date": "2026-10-06"}, pipeline.clock())
    )
    assert len(run.loads) == 100
    sizes = pipeline.rows(
        "SELECT cardinality(subject_ids), count(DISTINCT s) FROM audit.load, unnest(subject_ids) AS s GROUP BY load_id"
    )
    assert sizes == [(100, 100)] * 100
    assert len(str(run.loads)) < 20_000
    pipeline.finish(run, only=[57])
    assert run.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 2400


def test_an_endless_answer_is_cut_off_and_explained(pipeline: Pipeline, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path="/v1", rewrite=lambda body: b"x" * (70 << 20)))
    run = pipeline.run("weather", "2026-10-05", "2026-10-06")
    assert "larger than 64 MiB" in run.error
    assert pipeline.value("SELECT count(*) FROM core.weather") == 0
