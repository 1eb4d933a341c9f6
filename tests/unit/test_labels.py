"""Labels: what the loads are called in Airflow's UI, however long the names of users and wikis are."""

from decimal import Decimal
from typing import Any

import pytest

from include.source import LABEL_CHARACTERS
from include.sources import SOURCES
from include.windows import Window
from tests.unit.support import fake_connection, utc

WINDOW = Window(utc("2026-11-18T06:30"), utc("2026-11-19T18:45"))
LENGTHS = [1, 190, 210, 300, 2000]


def label_of_places(names: list[str]) -> str:
    places = [(number, name, Decimal(1), Decimal(2)) for number, name in enumerate(names, 1)]
    return label(SOURCES["weather"].plan_batches(fake_connection(*places), WINDOW, 100, None))


def label_of_pages(names: list[str]) -> str:
    pages = [(number, name, None) for number, name in enumerate(names, 1)]
    return label(SOURCES["wikipedia"].plan_batches(fake_connection(*pages), WINDOW, 100, None))


def label(batches: list[Any]) -> str:
    (batch,) = batches
    return str(batch.label)


BOTH = pytest.mark.parametrize("label_of", [label_of_places, label_of_pages])


@BOTH
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("others", [0, 1, 24])
def test_a_label_fits_airflows_column_and_keeps_number_and_window(label_of: Any, length: int, others: int) -> None:
    """Not of one byte: the column counts characters."""
    shown = label_of(["🌍" * length, *(f"Place {number}" for number in range(others))])
    rest = (f" and {others} more" if others else "") + f" · {WINDOW}"
    assert len(shown) <= LABEL_CHARACTERS
    assert shown.endswith(rest)
    name = shown.removesuffix(rest)
    assert name == "🌍" * length or (name == "🌍" * (len(name) - 1) + "…" and len(shown) == LABEL_CHARACTERS)


@BOTH
def test_a_label_that_just_fits_is_whole(label_of: Any) -> None:
    longest = "n" * (LABEL_CHARACTERS - len(f" · {WINDOW}"))
    assert label_of([longest]) == f"{longest} · {WINDOW}"
    assert label_of([longest + "n"]) == f"{longest[:-1]}… · {WINDOW}"


def test_the_bound_is_that_of_airflows_column() -> None:
    from airflow.models import TaskInstance

    assert TaskInstance.__table__.columns["rendered_map_index"].type.length == LABEL_CHARACTERS
