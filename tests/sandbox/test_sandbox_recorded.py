"""The sandbox's responses held against recorded responses of the real services."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox import Fault


def shape(value: Any) -> Any:
    """Keys in order and kinds of values; of an array, the kinds that occur in it."""
    if isinstance(value, dict):
        return [(key, shape(item)) for key, item in value.items()]
    if isinstance(value, list):
        return sorted({str(shape(item)) for item in value})
    return "number" if isinstance(value, float) else type(value).__name__


@pytest.mark.parametrize("name", ["archive_hourly_multi2_gmt", "forecast_hourly_multi12_uk"])
def test_several_places(client: Any, recorded: Any, name: str) -> None:
    real = recorded(f"open_meteo/{name}")
    hourly = real[0]["hourly"]
    if name.startswith("forecast"):
        start = end = "2026-11-01"
    else:
        start, end = hourly["time"][0][:10], hourly["time"][-1][:10]
    body = getattr(client, name.split("_")[0])(
        latitude=",".join(str(item["latitude"]) for item in real),
        longitude=",".join(str(item["longitude"]) for item in real),
        hourly=",".join(list(hourly)[1:]),
        wind_speed_unit="kn",
        start_date=start,
        end_date=end,
    )
    for mine, theirs in zip(body, real, strict=True):
        # A cell without an elevation is the sandbox's own choice of cell.
        assert list(mine) == [key for key in theirs if key in mine or key != "elevation"]
        assert mine["hourly_units"] == theirs["hourly_units"]
        assert list(mine["hourly"]) == list(theirs["hourly"])
        for variable, values in theirs["hourly"].items():
            assert {type(value) for value in mine["hourly"][variable]} == {type(value) for value in values}
        assert mine.get("location_id") == theirs.get("location_id")
    if name.startswith("archive"):
        assert body[0]["hourly"]["time"] == hourly["time"]


@pytest.mark.parametrize("name", ["archive_hourly_72h_adelaide", "forecast_hourly_72h_adelaide"])
def test_one_place_in_its_zone(client: Any, recorded: Any, name: str) -> None:
    real = recorded(f"open_meteo/{name}")
    # In the southern winter, when the zone's offset is the recorded one.
    client.sandbox.now = datetime(2026, 7, 20, tzinfo=UTC)
    body = getattr(client, name.split("_")[0])(
        latitude=real["latitude"],
        longitude=real["longitude"],
        hourly=",".join(list(real["hourly"])[1:]),
        wind_speed_unit="ms",
        timezone=real["timezone"],
        start_date=real["hourly"]["time"][0][:10],
        end_date=real["hourly"]["time"][-1][:10],
    )
    assert [key for key in real if key not in body] in ([], ["elevation"])
    assert [key for key in real if key in body] == list(body)
    for key in ("utc_offset_seconds", "timezone", "timezone_abbreviation"):
        assert body[key] == real[key]
    assert body["hourly"]["time"] == real["hourly"]["time"]
    served = {name: unit for name, unit in body["hourly_units"].items() if unit != "undefined"}
    assert served == {name: unit for name, unit in real["hourly_units"].items() if name in served}


def test_imperial_units(client: Any, recorded: Any) -> None:
    units = recorded("open_meteo/forecast_current_hourly_daily_toronto")["hourly_units"]
    mine = client.forecast(
        hourly=",".join(list(units)[1:]),
        temperature_unit="fahrenheit",
        wind_speed_unit="mph",
        precipitation_unit="inch",
    )["hourly_units"]
    assert list(mine) == list(units)
    assert all(mine[name] in (unit, "undefined") for name, unit in units.items())


def test_unknown_variable(client: Any, recorded: Any) -> None:
    assert client.forecast(hourly="bogus_aqi") == recorded("open_meteo/error_400_bad_hourly_variable_2026")


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.rate_limited("Daily"), "error_429_daily"),
        (Fault.rate_limited("Minutely"), "error_429_minutely"),
        (Fault.server_error(), "error_500_something_went_wrong"),
    ],
)
def test_open_meteo_errors(client: Any, recorded: Any, fault: Fault, name: str) -> None:
    client.sandbox.faults.append(replace(fault))
    mine, real = client.forecast(hourly="cloud_cover"), recorded(f"open_meteo/{name}")
    assert (mine, list(mine)) == (real, list(real))


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"start_date": "2000-01-01", "end_date": "2000-01-01"}, "error_400_start_date_out_of_range"),
        ({"past_days": 94}, "error_400_past_days"),
    ],
)
def test_ranges_are_refused_in_the_same_words(client: Any, recorded: Any, params: dict[str, Any], name: str) -> None:
    mine, real = client.forecast(hourly="cloud_cover", **params), recorded(f"open_meteo/{name}")

    def words(text: str) -> str:
        return "".join(character for character in text if not character.isdigit())

    assert list(mine) == list(real) and words(mine["reason"]) == words(real["reason"])


def test_first_revision(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/revisions_fv2_first_revision_cat")
    mine = client.wiki(
        titles="Cat", prop="revisions", rvlimit=500, rvprop="ids|flags|user|timestamp|size|parsedcomment",
        rvdir="newer", rvend="2002-04-01T00:00:00Z",
    )  # fmt: skip
    first = mine["query"]["pages"][0]["revisions"][:1]
    mine["query"]["pages"][0]["revisions"] = first
    assert shape(mine) == shape(real)
    assert first[0]["parentid"] == 0


def test_a_page_of_revisions(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/revisions_fv2_continue_cat")
    client.sandbox.add_revisions("Cat", client.sandbox.now.replace(month=8), 100, 3600)
    mine = client.wiki(
        titles="Cat", prop="revisions", rvprop="ids|flags|user|timestamp|size|parsedcomment", rvlimit=60
    )  # fmt: skip

    def kinds(body: Any) -> set[str]:
        return {str(shape(row)) for row in body["query"]["pages"][0].pop("revisions")}

    # Registered, temporary and (in the real page, still) anonymous users: no row looks like none of the real ones.
    assert kinds(mine) <= kinds(real)
    assert shape(mine) == shape(real)


def test_missing_pages(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/query_fv2_missing_title_normalized")
    client.sandbox.delete_page("John Carmacky")
    assert client.wiki(titles="John_Carmacky") == real
    real = recorded("mediawiki/query_fv2_missing_pageid")
    assert client.wiki(pageids=999999999999) == real


def test_mixed_parameters(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/error_200_invalidparammix")
    mine = client.wiki(titles="A|B", prop="revisions", rvlimit=5)
    assert list(mine) == list(real) and mine["error"] == real["error"]


def test_maxlag(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/error_maxlag_wikibase")["error"]
    mine = client.wiki(maxlag=-1)["error"]
    assert [key for key in real if key != "*"] == list(mine)
    assert {key: mine[key] for key in ("code", "info", "lag", "type")} == {
        key: real[key] for key in ("code", "info", "lag", "type")
    }


@pytest.mark.parametrize("name", ["info_fv1_existing_page", "info_fv1_missing_page"])
def test_info_in_the_old_format(client: Any, recorded: Any, name: str) -> None:
    real = recorded(f"mediawiki/{name}")
    given = real["query"]["normalized"][0]["from"]
    mine = client.wiki(titles=given, prop="info", formatversion=1)
    assert mine["query"]["normalized"] == real["query"]["normalized"]
    assert mine["batchcomplete"] == real["batchcomplete"]
    (page,), (theirs,) = mine["query"]["pages"].values(), real["query"]["pages"].values()
    assert list(page) == [key for key in theirs if key in page]
    assert ("-1" in mine["query"]["pages"]) == ("-1" in real["query"]["pages"])


def test_a_window_in_the_old_format(client: Any, recorded: Any) -> None:
    real = recorded("mediawiki/revisions_fv1_single_editor_0")
    body = client.wiki(
        titles="Social_constructionism", prop="revisions", rvlimit=1, rvprop="ids|timestamp|user", formatversion=1
    )
    assert list(body) == list(real)
    assert body["continue"].keys() == real["continue"].keys() and body["continue"]["continue"] == "||"
    empty = recorded("mediawiki/revisions_fv1_single_editor_1")
    mine = client.wiki(titles="Social_constructionism", prop="revisions", rvend="2090-01-01T00:00:00Z", formatversion=1)
    assert list(mine) == list(empty)
    (page,), (theirs,) = mine["query"]["pages"].values(), empty["query"]["pages"].values()
    assert list(page) == list(theirs)
