"""The hourly variables Open-Meteo knows: names, old spellings, units, decimals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One asked-for variable; `source` is None where the name is known but nothing is served."""

    name: str
    source: str | None
    unit: str
    decimals: int = 0
    factor: float = 1.0
    shift: float = 0.0


OLD_SPELLINGS = {
    "relativehumidity_2m": "relative_humidity_2m",
    "cloudcover": "cloud_cover",
    "windspeed_10m": "wind_speed_10m",
    "winddirection_10m": "wind_direction_10m",
    "weathercode": "weather_code",
}

SERVED = {
    "temperature_2m": ("°C", 1),
    "relative_humidity_2m": ("%", 0),
    "precipitation": ("mm", 2),
    "cloud_cover": ("%", 0),
    "pressure_msl": ("hPa", 1),
    "wind_speed_10m": ("km/h", 1),
    "wind_direction_10m": ("°", 0),
    "weather_code": ("wmo code", 0),
    "is_day": ("", 0),
}

NOT_SERVED = frozenset(
    {
        "apparent_temperature",
        "cloud_cover_high",
        "cloud_cover_low",
        "cloud_cover_mid",
        "cloudcover_high",
        "cloudcover_low",
        "cloudcover_mid",
        "dew_point_2m",
        "dewpoint_2m",
        "direct_radiation",
        "et0_fao_evapotranspiration",
        "evapotranspiration",
        "freezing_level_height",
        "precipitation_probability",
        "rain",
        "shortwave_radiation",
        "showers",
        "snow_depth",
        "snowfall",
        "soil_moisture_0_to_7cm",
        "soil_temperature_0_to_7cm",
        "sunshine_duration",
        "surface_pressure",
        "uv_index",
        "vapour_pressure_deficit",
        "visibility",
        "wet_bulb_temperature_2m",
        "wind_direction_100m",
        "wind_gusts_10m",
        "wind_speed_100m",
        "windgusts_10m",
    }
)

# Unit, decimals, factor and shift from the default unit; by the parameter that chooses among them.
WIND_UNITS = {
    "kmh": ("km/h", 1, 1.0, 0.0),
    "ms": ("m/s", 2, 1 / 3.6, 0.0),
    "mph": ("mp/h", 1, 1 / 1.609344, 0.0),
    "kn": ("kn", 1, 1 / 1.852, 0.0),
}
TEMPERATURE_UNITS = {"celsius": ("°C", 1, 1.0, 0.0), "fahrenheit": ("°F", 1, 1.8, 32.0)}
PRECIPITATION_UNITS = {"mm": ("mm", 2, 1.0, 0.0), "inch": ("inch", 3, 1 / 25.4, 0.0)}

CHOSEN_UNITS = {
    "wind_speed_10m": ("wind_speed_unit", "WindspeedUnit", WIND_UNITS),
    "temperature_2m": ("temperature_unit", "TemperatureUnit", TEMPERATURE_UNITS),
    "precipitation": ("precipitation_unit", "PrecipitationUnit", PRECIPITATION_UNITS),
}
OLD_PARAMETERS = {"wind_speed_unit": "windspeed_unit"}
