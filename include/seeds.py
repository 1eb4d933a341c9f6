"""The seed file: which places and pages the warehouse follows."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import tzfpy
import yaml

from include.errors import BadSeed
from include.subjects import FORBIDDEN_IN_TITLES
from include.warehouse import Connection, run

SEED_FILE = Path(__file__).parent / "seed_data.yaml"

SUBDOMAIN = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""What can stand before .wikipedia.org (RFC 1123). Whether there is such a wiki, the wiki says when it is asked."""


@dataclass(frozen=True)
class SeedLocation:
    """A place to follow; degrees north and east, an IANA time zone."""

    location_name: str
    latitude: Decimal
    longitude: Decimal
    country: str | None
    region: str | None
    city: str | None
    timezone: str


@dataclass(frozen=True)
class SeedPage:
    """A page to follow."""

    page_title: str
    page_language: str


@dataclass(frozen=True)
class Seeds:
    """What is followed; None for a section that the file does not have, whose entries stay as they are."""

    locations: tuple[SeedLocation, ...] | None
    pages: tuple[SeedPage, ...] | None
    path: Path = SEED_FILE
    """The file they are from, for messages."""


def read_seeds(path: Path = SEED_FILE) -> Seeds:
    """The entries of a seed file; raises BadSeed naming file, entry and field."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_KeysOnce)
    # The last two: what PyYAML makes of a tag that its text does not fit, such as !!int "".
    except (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError) as error:
        raise BadSeed(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise BadSeed(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(document, dict) or not document or set(document) - {"locations", "pages"}:
        raise BadSeed(f"{path}: expected two lists, locations and pages, at the top")
    locations = [_location(entry) for entry in _entries(path, document, "locations")]
    pages = [_page(entry) for entry in _entries(path, document, "pages")]
    _refuse_duplicates(path, "locations", [location.location_name for location in locations])
    _refuse_duplicates(path, "pages", [f"{page.page_language}:{page.page_title}" for page in pages])
    return Seeds(
        tuple(locations) if "locations" in document else None,
        tuple(pages) if "pages" in document else None,
        path,
    )


def load_seeds(connection: Connection, seeds: Seeds) -> None:
    """Makes core.location and core.tracked_page follow exactly these seeds, in one transaction; history stays.

    Raises BadSeed, and changes nothing, for what PostgreSQL cannot use: a time zone that it does not read as one, a name too long.
    """
    with connection.transaction():
        _refuse_unusable_zones(connection, seeds)
        # In key order, as publishes do: the order of the file is another, and an upsert locks rows that it leaves as they are too.
        run(connection, "places/lock_all.sql")
        run(connection, "pages/lock_all.sql")
        if seeds.locations is not None:
            _load_locations(connection, seeds.path, seeds.locations)
        if seeds.pages is not None:
            _load_pages(connection, seeds.path, seeds.pages)


def _refuse_unusable_zones(connection: Connection, seeds: Seeds) -> None:
    # Only PostgreSQL uses the zones, so PostgreSQL judges them, those that were looked up too.
    locations = seeds.locations or ()
    zones = [location.timezone for location in locations]
    for number, zone, problem in run(connection, "places/unusable_zones.sql", {"zones": zones}):
        raise BadSeed(
            f"{seeds.path}: locations, entry {number} ({locations[number - 1].location_name}): field timezone {zone!r}, given "
            f"or looked up, cannot be used: {problem}; write the zone of a place, such as Europe/Paris"
        )


def _load_locations(connection: Connection, path: Path, locations: Sequence[SeedLocation]) -> None:
    for number, location in enumerate(locations, start=1):
        with _naming(f"{path}: locations, entry {number} ({location.location_name[:60]})"):
            run(connection, "places/seed.sql", vars(location))
    run(
        connection,
        "places/deactivate.sql",
        {
            "names": [location.location_name for location in locations],
            "latitudes": [location.latitude for location in locations],
            "longitudes": [location.longitude for location in locations],
        },
    )


def _load_pages(connection: Connection, path: Path, pages: Sequence[SeedPage]) -> None:
    for number, page in enumerate(pages, start=1):
        with _naming(f"{path}: pages, entry {number} ({page.page_title[:60]})"):
            run(connection, "pages/seed.sql", vars(page))
    run(
        connection,
        "pages/deactivate.sql",
        {"titles": [page.page_title for page in pages], "languages": [page.page_language for page in pages]},
    )


@contextmanager
def _naming(where: str) -> Iterator[None]:
    """Raises BadSeed naming the entry `where` for what PostgreSQL does not take."""
    try:
        yield
    except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded) as error:
        raise BadSeed(f"{where}: PostgreSQL refuses it: {error.diag.message_primary}") from None


class _KeysOnce(yaml.SafeLoader):
    """Refuses a key that a mapping has twice, of which YAML's own loader silently takes the last one.

    A mapping is judged as it is written: a key of its own may replace one that it merges with <<.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        mapping = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode):
                line, name = key.start_mark.line + 1, (key.tag, key.value)
                if name in lines:
                    raise yaml.YAMLError(f"line {line}: the key {key.value} is given in line {lines[name]} already")
                lines[name] = line
        return mapping


class _Entry:
    """One entry of the file, which knows how to complain."""

    def __init__(self, path: Path, section: str, number: int, fields: Any, known: Sequence[str]) -> None:
        self.where = f"{path}: {section}, entry {number}"
        if not isinstance(fields, dict):
            raise BadSeed(f"{self.where}: expected fields such as {', '.join(known)}, not {fields!r}")
        self.fields = fields
        label = fields.get("name") or fields.get("title")
        self.where += f" ({' '.join(str(label).split())})" if label else ""
        if unknown := sorted(set(map(str, fields)) - set(known)):
            raise BadSeed(f"{self.where}: unknown field {unknown[0]!r}; known are {', '.join(known)}")

    def text(self, field: str) -> str:
        value = self.optional_text(field)
        if value is None:
            raise BadSeed(f"{self.where}: field {field} is missing")
        return value

    def optional_text(self, field: str) -> str | None:
        value = self.fields.get(field)
        # YAML reads an unquoted no, on or 2024 as something else than text.
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise BadSeed(f"{self.where}: field {field} must be text, not {value!r}; put it in quotes")
        # Joiners (category Cf) belong to Persian titles and to emoji; a character unknown here (Cn) may be newer than this Python.
        if value is not None and any(unicodedata.category(character) in ("Cc", "Cs") for character in value.strip()):
            raise BadSeed(f"{self.where}: field {field} holds a character that cannot be shown: {value!r}")
        return value.strip() if value is not None else None

    def degrees(self, field: str, bound: int) -> Decimal:
        value = self.fields.get(field)
        if value is None:
            raise BadSeed(f"{self.where}: field {field} is missing")
        if isinstance(value, bool) or not isinstance(value, int | float) or not -bound <= value <= bound:
            raise BadSeed(f"{self.where}: field {field} must be a number from -{bound} to {bound}, not {value!r}")
        return round(Decimal(str(value)), 6)


def _entries(path: Path, document: dict[str, Any], section: str) -> list[_Entry]:
    known = {
        "locations": ("name", "latitude", "longitude", "country", "region", "city", "timezone"),
        "pages": ("title", "language"),
    }[section]
    entries = document.get(section, [])
    if not isinstance(entries, list):
        raise BadSeed(f"{path}: {section} must be a list; write {section}: [] to follow none")
    return [_Entry(path, section, number, fields, known) for number, fields in enumerate(entries, start=1)]


def _location(entry: _Entry) -> SeedLocation:
    latitude, longitude = entry.degrees("latitude", 90), entry.degrees("longitude", 180)
    return SeedLocation(
        entry.text("name"),
        latitude,
        longitude,
        entry.optional_text("country"),
        entry.optional_text("region"),
        entry.optional_text("city"),
        entry.optional_text("timezone") or tzfpy.get_tz(float(longitude), float(latitude)),
    )


def _page(entry: _Entry) -> SeedPage:
    # Underscores and spaces are the same in a title; so is the case of its first letter, but not in every wiki.
    title, language = " ".join(entry.text("title").replace("_", " ").split()), entry.text("language")
    if not title:
        raise BadSeed(f"{entry.where}: field title holds nothing but spaces")
    if not SUBDOMAIN.fullmatch(language):
        raise BadSeed(
            f"{entry.where}: field language {language!r} cannot be a subdomain of wikipedia.org, such as en or zh-yue: small "
            "letters a to z, digits and hyphens between them, at most 63"
        )
    if forbidden := sorted(FORBIDDEN_IN_TITLES & set(title)):
        raise BadSeed(f"{entry.where}: field title holds {forbidden[0]!r}, which no title of Wikipedia does")
    return SeedPage(title, language)


def _refuse_duplicates(path: Path, section: str, names: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        if name in seen:
            raise BadSeed(f"{path}: {section}, entry {number} ({name}): the name stands in entry {seen[name]} already")
        seen[name] = number
