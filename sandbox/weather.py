"""Invented weather: plausible, smooth, inside physical limits, a pure function of grid cell and hour."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sandbox.hashing import Flags, Floats, Integers, Words, seed, smooth_noise, uniform

STEP = 0.0703  # degrees between grid cells, about 8 km along a meridian
YEAR = 8766  # hours


@dataclass(frozen=True)
class Cell:
    """The grid cell a place falls into; every place of a cell has the same weather."""

    row: int
    column: int

    @classmethod
    def of(cls, latitude: float, longitude: float) -> "Cell":
        return cls(round(min(max(latitude, -89.9), 89.9) / STEP), round(min(max(longitude, -179.9), 179.9) / STEP))

    @property
    def latitude(self) -> float:
        return float(str(np.float32(self.row * STEP)))

    @property
    def longitude(self) -> float:
        return float(str(np.float32(self.column * STEP)))

    @property
    def elevation(self) -> float | None:
        """Metres; the real service leaves it out where its terrain model has a hole, here one cell in twenty."""
        chance = seed("elevation", self.row, self.column)
        return None if chance % 20 == 0 else float((chance >> 8) % 900)


def series(cells: Sequence[Cell], hours: Integers) -> dict[str, Floats]:
    """Every variable in Open-Meteo's default units, each of shape (cells, hours); hours since 1970-01-01T00Z."""
    latitude = np.array([cell.latitude for cell in cells])[:, None]
    longitude = np.array([cell.longitude for cell in cells])[:, None]
    noise = _Noise(cells, hours)
    height = _sun_height(latitude, longitude, hours)

    overcast = 0.6 * noise("front", 48) + 0.4 * noise("cloud", 9)
    cloud = np.rint(100 * np.clip((overcast - 0.25) / 0.5, 0, 1))
    daily = _daily_swing(latitude, longitude, hours) * (1 - cloud / 200)
    temperature = np.clip(_season(latitude, hours, noise.fixed("continent")) + daily + noise.warmth(), -49.9, 49.9)
    temperature = np.round(temperature, 1)
    rain = np.round(np.clip(overcast - 0.65, 0, 1) * np.clip(noise("shower", 5) - 0.45, 0, 1) * 70, 1)
    humidity = np.rint(np.clip(52 + 45 * (overcast - 0.3) - 2.2 * daily + 20 * noise("damp", 30), 8, 100))
    storminess = 4 + 22 * np.sin(np.radians(np.abs(latitude)))
    pressure = np.round(1013 + storminess * (1.4 * noise("pressure", 96) + 0.6 * noise("trough", 20) - 1), 1)
    wind = np.round(2 + 45 * noise("wind", 18) ** 2 + 8 * noise("gust", 3), 1)
    return {
        "temperature_2m": temperature,
        "relative_humidity_2m": humidity,
        "precipitation": rain,
        "cloud_cover": cloud,
        "pressure_msl": pressure,
        "wind_speed_10m": wind,
        "wind_direction_10m": np.rint((noise("direction", 60) * 900) % 360),
        "weather_code": _weather_code(temperature, humidity, rain, cloud, wind),
        "is_day": (height > 0).astype(np.float64),
    }


class _Noise:
    """Named noise fields over the same cells and hours."""

    def __init__(self, cells: Sequence[Cell], hours: Integers) -> None:
        self.cells = cells
        self.hours = hours

    def _seeds(self, name: str) -> Words:
        return np.array([seed(name, cell.row, cell.column) for cell in self.cells], dtype=np.uint64)

    def __call__(self, name: str, period: int) -> Floats:
        return smooth_noise(self._seeds(name), self.hours, period)

    def fixed(self, name: str) -> Floats:
        """One number in [0, 1) per cell."""
        return uniform(self._seeds(name), np.zeros(1, dtype=np.int64))[:, None]

    def warmth(self) -> Floats:
        """Warm and cold spells of days, and the unrest of hours, in degrees."""
        return 9 * (self("spell", 100) - 0.5) + 2 * (self("unrest", 6) - 0.5)


def _season(latitude: Floats, hours: Integers, continent: Floats) -> Floats:
    """Mean temperature by latitude and time of year; the south has its summer in January."""
    mean = 27 - 0.0062 * latitude**2
    swing = (0.7 + 0.5 * continent) * (1 + 14 * np.sin(np.radians(np.abs(latitude))) ** 1.5)
    phase = np.cos(2 * np.pi * (hours / YEAR - 200 / 365.25))
    return mean + swing * np.where(latitude < 0, -phase, phase)


def _daily_swing(latitude: Floats, longitude: Floats, hours: Integers) -> Floats:
    """Coldest before sunrise, warmest in mid-afternoon by the sun's clock; weaker towards the poles."""
    solar = hours + longitude / 15
    return 5.5 * np.cos(np.radians(latitude)) * np.cos(2 * np.pi * (solar - 15) / 24)


def _sun_height(latitude: Floats, longitude: Floats, hours: Integers) -> Floats:
    """Sine of the sun's height above the horizon."""
    tilt = np.radians(23.4) * np.cos(2 * np.pi * (hours / YEAR - 172 / 365.25))
    turn = 2 * np.pi * (hours + longitude / 15 - 12) / 24
    here = np.radians(latitude)
    height: Floats = np.sin(here) * np.sin(tilt) + np.cos(here) * np.cos(tilt) * np.cos(turn)
    return height


def _weather_code(temperature: Floats, humidity: Floats, rain: Floats, cloud: Floats, wind: Floats) -> Floats:
    """WMO code 4677 as Open-Meteo uses it; the first condition that holds decides."""
    snow = (rain > 0) & (temperature < 1)
    fog = (rain == 0) & (humidity >= 97) & (wind < 8) & (cloud > 20)
    choices: list[tuple[Flags, int]] = [
        (snow & (rain < 0.7), 71),
        (snow & (rain < 2), 73),
        (snow, 75),
        ((rain > 4) & (temperature > 18), 95),
        (rain >= 6, 65),
        (rain >= 2.5, 63),
        (rain >= 1, 61),
        (rain >= 0.6, 55),
        (rain >= 0.3, 53),
        (rain > 0, 51),
        (fog, 45),
        (cloud < 20, 0),
        (cloud < 50, 1),
        (cloud < 80, 2),
    ]
    return np.select([condition for condition, _ in choices], [float(code) for _, code in choices], 3.0)
