"""The seed file: what it may hold, and refusals that name file, entry and field."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from include.__main__ import main
from include.errors import BadSeed
from include.seeds import SeedPage, Seeds, read_seeds

Read = Callable[[str], Seeds]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "seeds.yaml"


@pytest.fixture
def read(path: Path) -> Read:
    """Reads a seed file with this text."""

    def read_text(text: str) -> Seeds:
        path.write_bytes(text.encode())
        return read_seeds(path)

    return read_text


def test_the_shipped_file_follows_ten_places_and_eight_pages() -> None:
    seeds = read_seeds()
    assert (len(seeds.locations), len(seeds.pages)) == (10, 8)
    places = {place.location_name: place for place in seeds.locations}
    boston, phoenix = places["Boston"], places["Phoenix"]
    assert (boston.latitude, boston.longitude) == (Decimal("42.3601"), Decimal("-71.0589"))
    assert (boston.country, boston.region, boston.city) == ("US", "Massachusetts", "Boston")
    assert (boston.timezone, phoenix.timezone) == ("America/New_York", "America/Phoenix")
    assert SeedPage("New England", "en") in seeds.pages


@pytest.mark.parametrize(
    ("entry", "field", "said"),
    [
        ("{name: A, longitude: 1}", "latitude", "missing"),
        ("{name: A, latitude: 1}", "longitude", "missing"),
        ("{latitude: 1, longitude: 1}", "name", "missing"),
        ("{name: A, latitude: 200, longitude: 1}", "latitude", "from -90 to 90, not 200"),
        ("{name: A, latitude: -90.000001, longitude: 1}", "latitude", "from -90 to 90"),
        ("{name: A, latitude: 1, longitude: 181}", "longitude", "from -180 to 180, not 181"),
        ("{name: A, latitude: .nan, longitude: 1}", "latitude", "not nan"),
        ("{name: A, latitude: .inf, longitude: 1}", "latitude", "not inf"),
        ("{name: A, latitude: -.inf, longitude: 1}", "latitude", "not -inf"),
        ('{name: A, latitude: "42.36", longitude: 1}', "latitude", "must be a number from -90 to 90, not '42.36'"),
        ("{name: A, latitude: yes, longitude: 1}", "latitude", "not True"),
        ("{name: A, latitude: [1], longitude: 1}", "latitude", "must be a number"),
        ("{name: 2024, latitude: 1, longitude: 1}", "name", "must be text, not 2024; put it in quotes"),
        ("{name: no, latitude: 1, longitude: 1}", "name", "must be text, not False; put it in quotes"),
        ('{name: "", latitude: 1, longitude: 1}', "name", "must be text"),
        ('{name: " ", latitude: 1, longitude: 1}', "name", "must be text"),
        ("{name: A, latitude: 1, longitude: 1, country: no}", "country", "put it in quotes"),
        ("{name: A, latitude: 1, longitude: 1, timezone: 5}", "timezone", "must be text, not 5; put it in quotes"),
        ('{name: "A\\uDFFFB", latitude: 1, longitude: 1}', "name", "a character that cannot be shown"),
        ('{name: "A\\x85B", latitude: 1, longitude: 1}', "name", "a character that cannot be shown"),
        ("{name: A, latitude: 1, longitude: 1, altitude: 7}", "'altitude'", "unknown field"),
        ("{name: A, latitude: 1, longitude: 1, 1: 2}", "'1'", "unknown field"),
        ("Boston", "name, latitude, longitude", "expected fields such as"),
    ],
)
def test_a_bad_location_is_refused_by_file_entry_and_field(
    read: Read, path: Path, entry: str, field: str, said: str
) -> None:
    with pytest.raises(BadSeed) as error:
        read(f"locations:\n- {{name: Good, latitude: 1, longitude: 1}}\n- {entry}")
    message = str(error.value)
    assert message.startswith(f"{path}: locations, entry 2")
    assert field in message and said in message and "\n" not in message


@pytest.mark.parametrize(
    ("entry", "field", "said"),
    [
        ("{language: en}", "title", "missing"),
        ("{title: A}", "language", "missing"),
        ('{title: "", language: en}', "title", "must be text"),
        ("{title: 1984, language: en}", "title", "must be text, not 1984; put it in quotes"),
        ("{title: 2026-01-01, language: en}", "title", "put it in quotes"),
        ("{title: A, language: EN}", "language", "'EN' cannot be a subdomain"),
        ("{title: A, language: -en}", "language", "'-en' cannot be a subdomain"),
        ("{title: A, language: en-}", "language", "'en-' cannot be a subdomain"),
        ("{title: A, language: en.m}", "language", "'en.m' cannot be a subdomain"),
        ("{title: A, language: español}", "language", "'español' cannot be a subdomain"),
        (f"{{title: A, language: {'a' * 64}}}", "language", "cannot be a subdomain"),
        ("{title: A, language: no}", "language", "not False; put it in quotes"),
        ('{title: A, language: "evil.example/?"}', "language", "cannot be a subdomain"),
        ('{title: "A|B", language: en}', "title", "holds '|'"),
        ('{title: "A[B]", language: en}', "title", "holds '['"),
        ('{title: "A#B", language: en}', "title", "holds '#'"),
        ("{title: A, language: en, namespace: 0}", "'namespace'", "unknown field"),
        ('{title: "A\\tB", language: en}', "title", "a character that cannot be shown: 'A\\tB'"),
        pytest.param('{title: "A\\nB", language: en}', "title", "a character that cannot be shown: 'A\\nB'"),
        pytest.param('{title: "A\\0B", language: en}', "title", "holds"),
        pytest.param('{title: "A\\rB", language: en}', "title", "holds"),
        pytest.param('{title: "A\\uD800B", language: en}', "title", "holds"),
        pytest.param('{title: "__", language: en}', "title", "nothing but spaces"),
        pytest.param("{title: 2026-13-45, language: en}", "", ""),
    ],
)
def test_a_bad_page_is_refused_by_file_entry_and_field(
    read: Read, path: Path, entry: str, field: str, said: str
) -> None:
    with pytest.raises(BadSeed) as error:
        read(f"pages:\n- {{title: Good, language: en}}\n- {entry}")
    message = str(error.value)
    assert message.startswith(str(path))
    assert field in message and said in message and "\n" not in message
    assert "pages, entry 2" in message or not field


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locations: [", "not valid YAML"),
        ("a: b: c", "not valid YAML"),
        ("locations: [!!python/object/apply:os.getcwd []]", "not valid YAML"),
        ("", "expected two lists, locations and pages"),
        ("- Boston", "expected two lists, locations and pages"),
        ("places: []", "expected two lists, locations and pages"),
        ("locations: Boston", "locations must be a list"),
        ("pages: {title: A, language: en}", "pages must be a list"),
        pytest.param("locations: [2026-02-30]", "not valid YAML"),
        ("{[1]: 2}", "not valid YAML"),
        ("{{a: 1}: 2}", "not valid YAML"),
        ("pages: [!!bool maybe]", "not valid YAML"),
        ('pages: [!!int ""]', "not valid YAML"),
        ("pages: [!!timestamp today]", "not valid YAML"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(read: Read, path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSeed) as error:
        read(text)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_utf8_or_not_there_is_refused_by_name(path: Path) -> None:
    with pytest.raises(BadSeed, match="cannot be read: No such file"):
        read_seeds(path)
    path.write_bytes(b"pages: [{title: caf\xe9, language: fr}]")
    with pytest.raises(BadSeed, match=r"seeds\.yaml: not valid YAML"):
        read_seeds(path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            "locations: [{name: A, latitude: 1, longitude: 1}, {name: B, latitude: 1, longitude: 1}, "
            "{name: A, latitude: 2, longitude: 2}]",
            "locations, entry 3 (A): the name stands in entry 1 already",
        ),
        (
            "pages: [{title: New York, language: en}, {title: New_York, language: en}]",
            "pages, entry 2 (en:New York): the name stands in entry 1 already",
        ),
    ],
    ids=["locations", "pages"],
)
def test_a_name_stands_once(read: Read, path: Path, text: str, where: str) -> None:
    with pytest.raises(BadSeed) as error:
        read(text)
    assert str(error.value) == f"{path}: {where}"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("pages: []\nlocations: []\npages: []", "line 3: the key pages is given in line 1 already"),
        ("pages:\n- {title: A, language: en, title: B}", "line 2: the key title is given in line 2 already"),
        ("pages:\n- title: A\n  language: en\n  'title': B", "line 4: the key title is given in line 2 already"),
        ("pages: [{title: A, language: en, more: {a: 1,\n a: 1}}]", "line 2: the key a is given in line 1 already"),
        (
            "pages:\n- &a {title: A, language: en}\n- {<<: *a,\n <<: *a}",
            "line 4: the key << is given in line 3 already",
        ),
    ],
    ids=["top level", "entry", "quoted", "deeper", "merge"],
)
def test_a_key_given_twice_is_refused_by_its_line(read: Read, path: Path, text: str, where: str) -> None:
    with pytest.raises(BadSeed) as error:
        read(text)
    assert str(error.value) == f"{path}: not valid YAML: {where}"


def test_the_case_of_a_key_given_twice_is_refused(cases: Path) -> None:
    with pytest.raises(BadSeed, match=r"seed_key_twice\.yaml.* line 5: the key pages is given in line 1 already"):
        read_seeds(cases / "seed_key_twice.yaml")


def test_a_merged_entry_may_have_keys_of_its_own(read: Read) -> None:
    text = "pages:\n- &a {title: A, language: en}\n- &b {<<: *a, title: B}\n- {<<: *b, language: de}"
    assert read(text).pages == (SeedPage("A", "en"), SeedPage("B", "en"), SeedPage("B", "de"))


@pytest.mark.parametrize("language", ["en", "bat-smg", "zh-min-nan", "xx", "new1", "a" * 63])
def test_a_language_is_any_subdomain(read: Read, language: str) -> None:
    assert read(f"pages: [{{title: A, language: {language}}}]").pages == (SeedPage("A", language),)


@pytest.mark.parametrize("character", ["\U000323b0", "\U0001fae9", "\u0378"])
def test_characters_newer_than_this_python_are_text(read: Read, character: str) -> None:
    """Whether a character has been assigned is for Unicode to say, and its tables are newer elsewhere."""
    text = (
        f"pages: [{{title: {character}, language: en}}]\nlocations: [{{name: {character}, latitude: 1, longitude: 1}}]"
    )
    seeds = read(text)
    assert (seeds.pages[0].page_title, seeds.locations[0].location_name) == (character, character)


def test_the_same_title_in_two_languages_is_two_pages(read: Read) -> None:
    assert len(read("pages: [{title: Boston, language: en}, {title: Boston, language: de}]").pages) == 2


@pytest.mark.parametrize(
    "title",
    [
        "Bobby'); DROP TABLE core.revision; --",
        'The "quoted" title',
        "100% %s %(names)s",
        "AC/DC",
        "😀",
        "Ünïcödé",
        "C&A?x=1",
        "back\\slash",
        "{language}",
    ],
)
def test_odd_names_are_only_data(read: Read, title: str) -> None:
    quoted = "'" + title.replace("'", "''") + "'"
    if "{" in title:
        with pytest.raises(BadSeed, match=r"holds '\{'"):
            read(f"pages:\n- title: {quoted}\n  language: en")
    else:
        assert read(f"pages:\n- title: {quoted}\n  language: en").pages == (SeedPage(title, "en"),)
    place = read(f"locations:\n- name: {quoted}\n  latitude: 1\n  longitude: 1").locations[0]
    assert place.location_name == title


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("New_York_City", "New York City"),
        (" Boston ", "Boston"),
        pytest.param("_Foo_", "Foo"),
        pytest.param("New__York", "New York"),
    ],
)
def test_underscores_are_spaces(read: Read, title: str, expected: str) -> None:
    assert read(f'pages: [{{title: "{title}", language: en}}]').pages[0].page_title == expected


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (42.3601, -71.0589, "America/New_York"),
        (33.4484, -112.0740, "America/Phoenix"),
        (1.87, -157.43, "Pacific/Kiritimati"),
        (90, 180, None),
        (-90, 0, None),
        (0, -180, None),
    ],
)
def test_the_time_zone_is_looked_up_from_the_coordinates(
    read: Read, latitude: float, longitude: float, zone: str | None
) -> None:
    found = read(f"locations: [{{name: A, latitude: {latitude}, longitude: {longitude}}}]").locations[0].timezone
    assert ZoneInfo(found).key == (zone or found)


def test_a_time_zone_that_is_given_is_kept(read: Read) -> None:
    text = "locations: [{name: A, latitude: 42.36, longitude: -71.06, timezone: Asia/Tokyo}]"
    assert read(text).locations[0].timezone == "Asia/Tokyo"


def test_coordinates_keep_six_places_and_the_bounds_are_in(read: Read) -> None:
    place = read("locations: [{name: A, latitude: -90, longitude: 12.34567891}]").locations[0]
    assert (place.latitude, place.longitude) == (Decimal(-90), Decimal("12.345679"))


def test_the_command_ends_in_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("pages: [{title: A, language: EN}]")
    assert main(["seed", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"seed: {path}: pages, entry 1 (A): field language") and said.err.count("\n") == 1
