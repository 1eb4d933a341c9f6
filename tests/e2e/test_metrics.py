"""Metrics: what Airflow and this project tell a collector of OpenTelemetry, as it arrives there."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from sandbox import Fault
from tests.e2e.stack import Run, Stack, wait_for
from tests.receivers import Posted, http_server


@dataclass(frozen=True)
class Point:
    """A value that arrived: of a counter what was added."""

    name: str
    value: float
    tags: dict[str, str]


def points(collector: Posted) -> list[Point]:
    """All numbers that have arrived, in their order."""
    found = []
    for path, body in list(collector.bodies):
        assert path == "/v1/metrics"
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                for point in [*metric.sum.data_points, *metric.gauge.data_points]:
                    tags = {tag.key: tag.value.string_value for tag in point.attributes}
                    found.append(Point(metric.name, point.as_int or point.as_double, tags))
    return found


@pytest.fixture(scope="module")
def collector(running: Stack) -> Iterator[Posted]:
    """The stack of the others, switched on by a user's settings for the time of this module."""
    settings = dict(running.settings)
    with http_server() as server:
        running.settings |= {
            "AIRFLOW__METRICS__OTEL_ON": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
            "OTEL_METRIC_EXPORT_INTERVAL": "2000",
        }
        up = running.local("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield server
        running.settings = settings
        assert running.local("up").returncode == 0


@pytest.fixture(scope="module")
def run(running: Stack, collector: Posted) -> Run:
    """A day of two places, of which one cannot be trusted, once the marts show it."""
    [boston] = running.sql(
        "SELECT latitude::float8, longitude::float8 FROM core.location WHERE location_name = 'Boston'"
    )
    running.sandbox.faults.append(Fault.absurd("temperature_2m", 999.9, place=boston))
    run = running.trigger("weather", "2021-04-01", "2021-04-02", locations=["Boston", "Denver"])
    run.wait("failed")
    running.sandbox.faults.clear()
    run.wait_for_marts()
    return run


def arrived(collector: Posted, name: str, tags: dict[str, str]) -> list[float]:
    """The values of a metric that has these tags among its own, once there are any."""

    def found() -> list[float]:
        return [p.value for p in points(collector) if p.name == f"airflow.{name}" and tags.items() <= p.tags.items()]

    values: list[float] = wait_for(f"{name} {tags}", found, 60)
    return values


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("name", "expected"),
    [("rows_published", 24), ("rows_changed", 24), ("rows_quarantined", 24), ("units_withheld", 1)],
)
def test_what_a_run_published_and_left_out_is_counted_by_source(collector: Posted, name: str, expected: int) -> None:
    assert sum(arrived(collector, f"dw.{name}", {"source": "weather"})) == expected


@pytest.mark.usefixtures("run")
def test_the_ages_of_data_and_marts_follow_each_refresh(stack: Stack, collector: Posted) -> None:
    of_mart = {"source": "weather", "mart": "daily_weather_aggregates"}
    assert min(arrived(collector, "dw.mart_age_seconds", of_mart)) >= 0
    assert arrived(collector, "dw.mart_due_seconds", of_mart)[-1] == 0
    [(age,)] = stack.sql("SELECT extract(epoch FROM data_age)::float8 FROM audit.freshness WHERE source = 'weather'")
    assert arrived(collector, "dw.data_age_seconds", {"source": "weather"})[-1] == pytest.approx(age, abs=3600)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("name", ["scheduler_heartbeat", "ti.finish"])
def test_airflow_s_own_are_beside_them(collector: Posted, name: str) -> None:
    """Of the scheduler, and of processes of tasks, which have ended."""
    assert sum(arrived(collector, name, {})) > 0
