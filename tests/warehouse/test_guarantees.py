"""G1-G5 and G7 of the guarantees in docs/architecture.md, one by one."""

import threading

import pytest

from sandbox import Fault
from tests.warehouse.pipeline import Pipeline

WINDOW = ("2026-10-05", "2026-10-07")


def test_g0_walk(pipeline: Pipeline) -> None:
    run = pipeline.run("weather", *WINDOW)
    assert run.errors == {}
    assert pipeline.value("SELECT count(*) FROM core.weather") == 96
