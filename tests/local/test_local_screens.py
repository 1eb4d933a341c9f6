"""The demo's screens: what stands in the warehouse is shown as it is."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from local import marts, screens
from local.console import out

NAMES = ["Boston", "Springfield [MA]", "[red]Square[/]", "a[/b]"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    figures: dict[str, Any] = {
        "days": 1,
        "mean": 1,
        "coldest": 1,
        "warmest": 1,
        "rain": 1,
        "wind": 1,
        "conditions": None,
    }
    place = {"location_name": name, **figures, "daily": [Decimal(1)]}
    page = {"page_title": name, "page_language": "en", "days": 1, "revisions": 1, "bytes": 1, "last_edit": None}
    rows = {marts.WEATHER: [place], marts.WIKIPEDIA: [page]}
    monkeypatch.setattr(marts, "rows", lambda address, query, first, end: rows[query])
    monkeypatch.setattr(marts, "layer_counts", lambda address: [])
    with out.capture() as screen:
        screens.show("", date(2026, 10, 1), date(2026, 10, 2))
    assert screen.get().count(name) == 3
