"""The audit of weather loads. Change a limit here; nowhere else is one."""

import json

from include.sources.weather.api import UNITS
from include.suite import Check, Limit, Suite

MOST_SET_ASIDE = 0.1
"""A place's day with more than a tenth of its hours outside their limits (and more than one hour) is not trusted at all."""

MOST_UNKNOWN = 0.2
"""The freshest hours may still be NULL; a column unknown in more than a fifth of a day is worth a warning."""

LIMITS = (
    Limit("temperature_celsius", -50, 60),
    Limit("humidity_percent", 0, 100),
    Limit("precipitation_mm", 0, 500),
    Limit("cloud_cover_percent", 0, 100),
    Limit("pressure_hpa", 850, 1100),
    Limit("wind_speed_mps", 0, 120),
    Limit("wind_direction_degrees", 0, 360),
    Limit("weather_code", 0, 99, is_whole=True),
)

SUITE = Suite(
    name="weather",
    table="staging.weather",
    raw_table="raw.weather_observations",
    key=("location_id", "observed_at"),
    limits=LIMITS,
    checks=(
        Check("response_can_be_read", "problem", "a response that can be read"),
        Check("units_as_expected", "changed_units", "the units that the columns are converted from"),
        Check("every_hour_is_present", "missing_hours", "each hour of the day that has struck", highest=0),
        Check("no_other_hour", "other_hours", "whole hours, each of them once", highest=0),
        Check("some_value_is_known", "known_hours", "at least one hour with a value", lowest=1),
        Check(
            "few_hours_set_aside",
            "too_many_set_aside",
            f"at most one hour, or {MOST_SET_ASIDE:.0%} of them, outside a limit",
            highest=0,
        ),
        Check(
            "most_values_are_known",
            "unknown_columns",
            f"each column known in at least {1 - MOST_UNKNOWN:.0%} of the hours",
            is_warning=True,
        ),
        Check("weather_codes_are_whole", "broken_codes", "a WMO code is a whole number", highest=0, is_warning=True),
    ),
    units="weather/units.sql",
    withhold=("weather/withhold_rows.sql",),
    stages_beside_window=True,
    parameters={
        "units": json.dumps(UNITS, ensure_ascii=False),
        "most_set_aside": MOST_SET_ASIDE,
        "most_unknown": MOST_UNKNOWN,
    },
)
