"""Reproducible pseudo-random numbers: the same in every process, on every machine, in any order of asking."""

import hashlib

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def seed(*parts: object) -> int:
    """A 64-bit number from anything with a stable text form (Python's own hash() is salted per process)."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def scramble(words: Words) -> Words:
    """A bijection of 64-bit words whose output bits look independent of the input (a shift-multiply mixer)."""
    words = (words ^ (words >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    words = (words ^ (words >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return words ^ (words >> np.uint64(32))


def uniform(seeds: Words, indexes: Integers) -> Floats:
    """Numbers in [0, 1), one for each seed and index (the two arrays broadcast)."""
    steps = (indexes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    return (scramble(seeds ^ scramble(steps)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def smooth_noise(seeds: Words, hours: Integers, period: int) -> Floats:
    """Noise in [0, 1) that changes smoothly over `period` hours: shape (len(seeds), len(hours)).

    Depends on each hour alone, never on where the asked-for series begins.
    """
    nodes = hours // period
    first = int(nodes.min())
    lattice = uniform(seeds[:, None], np.arange(first, int(nodes.max()) + 2)[None, :])
    share = (hours - nodes * period) / period
    weight = share * share * (3 - 2 * share)
    at = nodes - first
    left = lattice[:, at]
    return left + (lattice[:, at + 1] - left) * weight
