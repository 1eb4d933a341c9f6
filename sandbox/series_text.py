"""Numbers to JSON text, fast: a year for ten places is 700,000 of them."""

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from sandbox.hashing import Flags, Floats, Integers

_REACH = 20_000  # largest value, in units of its last decimal, that any variable can have


def numbers(values: Floats, decimals: int, missing: Flags) -> str:
    """A JSON array with a fixed number of decimals, null where `missing`."""
    steps = np.rint(values * 10**decimals).astype(np.int64) + _REACH
    steps[missing] = 2 * _REACH + 1
    return _array(map(_texts(decimals).__getitem__, steps.tolist()))


def nulls(count: int) -> str:
    return _array(["null"] * count)


@lru_cache(maxsize=16)
def times(first: int, count: int, offset: int, unix: bool) -> str:
    """Hours from `first`, on a clock `offset` seconds east of UTC; Unix times are UTC whatever the clock."""
    seconds: Integers = np.arange(first, first + count) * 3600
    if unix:
        return _array(map(str, (seconds - offset).tolist()))
    stamps = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="m")
    return _array(f'"{stamp}"' for stamp in stamps.tolist())


@lru_cache
def _texts(decimals: int) -> list[str]:
    """Text of every value that can occur; minus zero reads zero; the last entry is null."""
    return [f"{step / 10**decimals:.{decimals}f}" for step in range(-_REACH, _REACH + 1)] + ["null"]


def _array(items: Iterable[str]) -> str:
    return "[" + ",".join(items) + "]"
