"""Settings: defaults, and refusals that name their variable."""

import pytest

from include.errors import BadSetting
from include.settings import Settings, SourceSettings, read_settings
from tests.unit.support import utc

DEFAULTS = Settings(
    sources={"weather": SourceSettings("@daily", 5, 100), "wikipedia": SourceSettings("@daily", 1, 25)},
    marts_schedule="15 * * * *",
    start_date=utc("2026-11-01"),
    patience_seconds=75,
    contact="https://github.com/dw-local-free/dw-local-free",
)

NUMBERS = {
    "DW_WEATHER_REVISION_DAYS": (0, 60),
    "DW_WIKIPEDIA_REVISION_DAYS": (0, 60),
    "DW_WEATHER_PLACES_PER_BATCH": (1, 500),
    "DW_WIKIPEDIA_PAGES_PER_BATCH": (1, 100),
    "DW_PATIENCE_SECONDS": (0, 600),
}


def test_defaults() -> None:
    assert read_settings({}) == DEFAULTS


@pytest.mark.parametrize(
    "name",
    [*NUMBERS, "DW_START_DATE", "DW_WEATHER_SCHEDULE", "DW_WIKIPEDIA_SCHEDULE", "DW_MARTS_SCHEDULE", "DW_CONTACT"],
)
def test_an_empty_variable_is_the_default(name: str) -> None:
    assert read_settings({name: ""}) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("DW_WEATHER_SCHEDULE", "@hourly", "weather.schedule", "@hourly"),
        ("DW_WIKIPEDIA_SCHEDULE", "0 6 * * *", "wikipedia.schedule", "0 6 * * *"),
        ("DW_MARTS_SCHEDULE", "@daily", "marts_schedule", "@daily"),
        ("DW_START_DATE", "2024-02-29", "start_date", utc("2024-02-29")),
        ("DW_START_DATE", "2026-01-01T06:00+02:00", "start_date", utc("2026-01-01T04:00")),
        ("DW_WEATHER_REVISION_DAYS", "0", "weather.revision_days", 0),
        ("DW_WEATHER_PLACES_PER_BATCH", "500", "weather.per_batch", 500),
        ("DW_WIKIPEDIA_PAGES_PER_BATCH", "100", "wikipedia.per_batch", 100),
        ("DW_WIKIPEDIA_REVISION_DAYS", "0", "wikipedia.revision_days", 0),
        ("DW_PATIENCE_SECONDS", "0", "patience_seconds", 0),
        ("DW_CONTACT", "ops@example.org", "contact", "ops@example.org"),
    ],
)
def test_each_variable_sets_its_field(name: str, text: str, field: str, value: object) -> None:
    assert flat(read_settings({name: text})) == {**flat(DEFAULTS), field: value}


def flat(settings: Settings) -> dict[str, object]:
    """All fields by name, those of a source with its name before."""
    own = {name: value for name, value in vars(settings).items() if name != "sources"}
    of_sources = {
        f"{source}.{name}": value for source, chosen in settings.sources.items() for name, value in vars(chosen).items()
    }
    return own | of_sources


@pytest.mark.parametrize("text", ["five", "-1", "1.5", "1e2", "1 000", "0x1", "²", "1001"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_bad_number_is_refused_by_the_name_of_its_variable(name: str, text: str) -> None:
    lowest, highest = NUMBERS[name]
    with pytest.raises(BadSetting) as error:
        read_settings({name: text})
    assert str(error.value) == f"{name} must be a whole number from {lowest} to {highest}, not {text!r}"


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("beyond", [-1, 1])
def test_numbers_end_at_their_bounds(name: str, beyond: int) -> None:
    bound = NUMBERS[name][beyond > 0]
    read_settings({name: str(bound)})
    with pytest.raises(BadSetting, match=f"^{name} "):
        read_settings({name: str(bound + beyond)})


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "2026-02-29",
        "01/11/2026",
        "2026",
        pytest.param("0001-01-01T00:00+14:00"),
    ],
)
def test_a_bad_date_is_refused_by_the_name_of_its_variable(text: str) -> None:
    with pytest.raises(BadSetting, match=r"^DW_START_DATE must be a date such as") as error:
        read_settings({"DW_START_DATE": text})
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("name", ["DW_WEATHER_SCHEDULE", "DW_WIKIPEDIA_SCHEDULE", "DW_MARTS_SCHEDULE"])
@pytest.mark.parametrize("text", ["every day", "@quarterly", "0 0 31 2 *", "0 0 1 1 * 0 2099", "0 0 1 1 * 0 2025-2027"])
def test_a_bad_schedule_is_refused_by_the_name_of_its_variable(name: str, text: str) -> None:
    """Also one that is well formed and has no times, none before now, or no two after."""
    with pytest.raises(BadSetting, match=f"^{name} must be a cron expression") as error:
        read_settings({name: text})
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("name", ["DW_WEATHER_SCHEDULE", "DW_WIKIPEDIA_SCHEDULE", "DW_MARTS_SCHEDULE"])
def test_a_schedule_whose_description_would_not_fit_airflows_column_is_refused(name: str) -> None:
    wordiest = "0 " + ",".join(["1"] * 96) + " * * *"
    assert read_settings({name: wordiest})
    with pytest.raises(BadSetting, match=f"^{name} .* at most 200 characters"):
        read_settings({name: wordiest.replace("0 ", "0,0 ")})

    from airflow.models import DagModel
    from airflow.timetables.interval import CronDataIntervalTimetable

    room = DagModel.__table__.columns["timetable_description"].type.length
    assert len(CronDataIntervalTimetable(wordiest, timezone="UTC").description) <= room


@pytest.mark.parametrize(
    "text", ["ops@example.org\r\nX-Other: 1", "Zoë <zoe@example.org>", "ops@example.org\x00", "łukasz"]
)
def test_a_contact_that_no_header_can_hold_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=r"^DW_CONTACT must be an address or a URL in printable ASCII") as error:
        read_settings({"DW_CONTACT": text})
    assert ascii(text) in str(error.value)
