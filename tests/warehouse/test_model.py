"""The model: any history of loads leaves what an oracle says, which knows only the responses in raw and the order of events.

`make model SEEDS=200` plays that many histories of each source; `make model SEED=123456` plays that one again.
"""

import os
import random
from datetime import timedelta

import pytest

from include.seeds import SeedPage
from sandbox import Fault, Sandbox
from tests.warehouse.conftest import follow
from tests.warehouse.model import weather, wikipedia
from tests.warehouse.model.history import History, Span
from tests.warehouse.pipeline import Pipeline, utc
from tests.warehouse.places import BOSTON, BOSTON_PAGE, KIRITIMATI, NEW_ENGLAND, PHOENIX

SEED = os.environ.get("DW_TEST_SEED")
"""Of the only history to play."""

SEEDS = os.environ.get("DW_TEST_SEEDS")
"""How many new ones to play."""

EVENTS = int(os.environ.get("DW_TEST_EVENTS") or 14)


def played(history: History, seed: int) -> None:
    """An AssertionError names the seed and the events."""
    try:
        history.play(EVENTS)
    except Exception as error:
        events = "\n".join(history.told)
        raise AssertionError(f"seed {seed}: make model SEED={seed}\n{error}\nafter\n{events}") from error


def seeds() -> list[int]:
    """The one that is asked for, so many new ones, or always the same few: what a change breaks is told apart from what is rare."""
    if SEED:
        return [int(SEED)]
    return [random.randrange(10**6) for _ in range(int(SEEDS))] if SEEDS else [1, 2, 3]


@pytest.mark.parametrize("seed", seeds())
def test_model_of_weather(pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    dice = random.Random(seed)
    follow(pipeline.owner, [BOSTON, PHOENIX, KIRITIMATI], [NEW_ENGLAND])
    sandbox.faults.append(Fault(path="/v1/", transform=weather.Service(dice).answer, times=None))
    history = History(
        pipeline,
        sandbox,
        monkeypatch,
        dice,
        weather.Oracle(pipeline),
        dag_id="weather",
        raw_table="raw.weather_observations",
        batch_setting="DW_WEATHER_PLACES_PER_BATCH",
        # The border of the two APIs lies in it, ninety days before the sandbox's clock.
        whole=Span(utc("2026-08-20"), utc("2026-08-24")),
        outages=[
            Fault.server_error, Fault.overloaded, Fault.streaming_error, lambda: Fault.dropped(100, path="/v1/"),
            lambda: Fault.truncated(2000, path="/v1/"), lambda: Fault.rate_limited("Minutely"),
        ],
    )  # fmt: skip
    played(history, seed)


@pytest.mark.parametrize("seed", seeds())
def test_model_of_wikipedia(pipeline: Pipeline, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    dice = random.Random(seed)
    follow(pipeline.owner, [BOSTON], [NEW_ENGLAND, BOSTON_PAGE, SeedPage("Neuengland", "en")])
    whole = Span(utc("2026-10-05"), utc("2026-10-08"))
    # Two titles lead to one page.
    wiki = wikipedia.Wiki(dice, {"New England": 101, "Boston": 202, "Neuengland": 101}, whole)
    sandbox.faults.append(Fault(path="/w/api.php", when=wiki.hears, rewrite=wiki.answer, times=None))
    history = History(
        pipeline,
        sandbox,
        monkeypatch,
        dice,
        wikipedia.Oracle(pipeline),
        dag_id="wikipedia",
        raw_table="raw.wikipedia_pages",
        batch_setting="DW_WIKIPEDIA_PAGES_PER_BATCH",
        whole=whole,
        change=wiki.change,
    )
    # Which pages the titles lead to is known.
    history.start(Span(whole.start, whole.start + timedelta(hours=1)), replay=False, until=4)
    wiki.is_calm = False
    history.outages = [
        Fault.maxlag, Fault.wiki_error, Fault.too_many_requests, lambda: Fault(path="/w/api.php", status=500),
        lambda: Fault.dropped(20, path="/w/api.php"), lambda: Fault.truncated(50, path="/w/api.php"),
    ]  # fmt: skip
    played(history, seed)
