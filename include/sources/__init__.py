"""The sources of the warehouse: a room for each, and the only list of them."""

from include.source import Source
from include.sources import weather, wikipedia

SOURCES: dict[str, Source] = {source.name: source for source in (weather.SOURCE, wikipedia.SOURCE)}
"""By name."""
