"""The audit of weather loads. Change a limit here; nowhere else is one."""

import json

from include.suites import Check, Limit, Suite
from include.weather import UNITS

MOSTLY = 0.99
"""A load with more than one row in a hundred outside a limit (and more than one row at all) is not trusted."""

KNOWN = 0.80
"""The freshest hours may still be NULL; more than one in five is a service that has no data."""

LIMITS = (
    Limit("temperature_celsius", -50, 60),
    Limit("humidity_percent", 0, 100),
    Limit("precipitation_mm", 0, 500),
    Limit("cloud_cover_percent", 0, 100),
    Limit("pressure_hpa", 850, 1100),
    Limit("wind_speed_mps", 0, 120),
    Limit("wind_direction_degrees", 0, 360),
    Limit("weather_code", 0, 99),
)

SUITE = Suite(
    name="weather",
    table="staging.weather",
    key=("location_id", "observed_at"),
    limits=LIMITS,
    mostly=MOSTLY,
    known={limit.column: KNOWN for limit in LIMITS},
    checks=(
        Check("every_place_has_rows", "weather/audit/places_without_rows.sql", "at least one hour for each place"),
        Check("every_hour_is_present", "weather/audit/missing_hours.sql", "each hour of the window for each place"),
        Check(
            "units_as_expected",
            "weather/audit/changed_units.sql",
            "the units that the columns are converted from",
            {"units": json.dumps(UNITS, ensure_ascii=False)},
        ),
    ),
    set_aside="weather/audit/set_aside.sql",
    what_it_was_for="weather/audit/what_it_was_for.sql",
)
