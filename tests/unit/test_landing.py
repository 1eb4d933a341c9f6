"""Landing: what a response is kept as, and where it is cut."""

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from include import landing
from include.errors import BadResponse
from include.landing import STREAMING_ERROR, Document, parse_json, text_of

SMALL = '[{"a": [1, -2.5e3, null], "b": "x\\"],\\u00e9"}, {"c": {"d": true}}]'


@pytest.mark.parametrize("text", ["", "{}", '{"a": "°C"}', "😀\r\n\t", "\\u0000", "\ufeff{}", "\x7f\x01"])
def test_utf8_is_kept_as_it_is(text: str) -> None:
    assert text_of(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe{\x00", b"caf\xe9", b'{"a": "\x00"}', b"\x00", b"\xed\xa0\xbd", b"\x1f\x8b\x08", bytes(range(256))],
)
def test_what_postgresql_text_cannot_hold_is_kept_as_base64(body: bytes) -> None:
    payload, encoding = text_of(body)
    assert (base64.b64decode(payload), encoding) == (body, "base64")


def cut_array(text: str) -> list[Document]:
    """All elements."""
    return list(landing.cut_array(text))


def random_space(rng: random.Random) -> str:
    return "".join(rng.choices(" \t\r\n", k=rng.choice([0, 0, 0, 1, 3])))


def random_string(rng: random.Random) -> str:
    pieces = [*"aé😀[]{},:", "\\n", '\\"', "\\\\", "\\/", "\\u00e9", "\\ud83d\\ude00", "\\\\u0000"]
    return '"' + "".join(rng.choices(pieces, k=rng.randrange(6))) + '"'


def random_json(rng: random.Random, depth: int = 4) -> str:
    """A JSON text with nested brackets, escapes, unicode and white space, as the service could have written it."""

    def spaced(text: str) -> str:
        return random_space(rng) + text + random_space(rng)

    kind = rng.choice(["array", "object", "string", "plain"] if depth else ["string", "plain"])
    if kind == "array":
        items = [spaced(random_json(rng, depth - 1)) for _ in range(rng.randrange(4))]
        return "[" + ",".join(items) + random_space(rng) + "]"
    if kind == "object":
        members = [
            spaced(random_string(rng)) + ":" + spaced(random_json(rng, depth - 1)) for _ in range(rng.randrange(4))
        ]
        return "{" + ",".join(members) + random_space(rng) + "}"
    if kind == "string":
        return random_string(rng)
    return rng.choice(["0", "-0.0", "1e-7", "12345678901234567890", "1.50", "true", "false", "null"])


@pytest.mark.parametrize("seed", range(40))
def test_each_slice_is_byte_for_byte_what_stands_between_the_commas(seed: int) -> None:
    rng = random.Random(seed)
    elements = [random_json(rng) for _ in range(rng.randrange(1, 6))]
    spaced = [(random_space(rng), element, random_space(rng)) for element in elements]
    text = random_space(rng) + "[" + ",".join("".join(parts) for parts in spaced) + "]" + random_space(rng)
    assert cut_array(text) == [Document(json.loads(element), element) for element in elements]
    assert cut_array("[" + ",".join(elements) + "]") == cut_array(text)


@pytest.mark.parametrize("seed", range(20))
def test_a_document_is_what_it_says(seed: int) -> None:
    rng = random.Random(seed)
    document = random_json(rng)
    text = random_space(rng) + document + random_space(rng)
    assert parse_json(text) == Document(json.loads(text), document)


@pytest.mark.parametrize("understand", [cut_array, parse_json])
def test_a_response_cut_short_anywhere_is_a_bad_response(understand: Callable[[str], Any]) -> None:
    understand(SMALL)
    for length in range(len(SMALL)):
        with pytest.raises(BadResponse):
            understand(SMALL[:length])


@pytest.mark.parametrize("understand", [cut_array, parse_json])
@pytest.mark.parametrize("seed", range(5))
def test_a_garbled_response_is_a_bad_response_and_nothing_worse(understand: Callable[[str], Any], seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        garbled = list(SMALL)
        for _ in range(rng.randrange(1, 4)):
            garbled[rng.randrange(len(garbled))] = rng.choice('[]{},:"\\ue0dD9-.\x00 N')
        try:
            understand("".join(garbled))
        except BadResponse as error:
            assert error.is_retryable


@pytest.mark.parametrize("understand", [cut_array, parse_json])
@pytest.mark.parametrize("begun", ["", '[{"hourly":{"time":["2026-', "[{}]", '[{"a":[1,2,'])
def test_a_service_that_broke_off_is_named(understand: Callable[[str], Any], begun: str) -> None:
    said = f"{STREAMING_ERROR}: timeout of the reader"
    with pytest.raises(BadResponse) as error:
        understand(begun + said)
    # An array that does not even begin has its beginning shown; the error stands in that as well.
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "[1] x",
        "[1]]",
        "[1][2]",
        "[1 2]",
        "[1,]",
        "[",
        '["a\nb"]',
        pytest.param("[" * 100_000, id="deep-nesting"),
        pytest.param("[[" + '{"a":' * 100_000, id="deep-objects"),
        pytest.param('["\\ud83d\\ude00", ' + "[" * 100_000, id="deep-nesting-and-a-surrogate"),
        pytest.param("[NaN, " + "1" * 5000 + ", ", id="numbers-and-no-end"),
    ],
)
@pytest.mark.parametrize("understand", [cut_array, parse_json])
def test_what_cannot_be_cut_is_refused_in_words(understand: Callable[[str], Any], text: str) -> None:
    with pytest.raises(BadResponse, match="not complete JSON") as error:
        understand(text)
    assert error.value.is_retryable
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ("NaN", "NaN, which is not a JSON number"),
        ("Infinity", "Infinity, which is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity, which is not a JSON number"),
        ('"\\u0000"', "\\u0000, which PostgreSQL cannot store"),
        ('{"a\\u0000": 1}', "\\u0000, which PostgreSQL cannot store"),
        ('"\\\\\\u0000"', "\\u0000, which PostgreSQL cannot store"),
        ('"\\ud83d"', "half of a surrogate pair"),
        ('"\\ude00"', "half of a surrogate pair"),
        ('"\\uDE00\\uD83D"', "half of a surrogate pair"),
        ('{"\\ud83dx": 1}', "half of a surrogate pair"),
        ('"\\ud83d\\\\ude00"', "half of a surrogate pair"),
        pytest.param("[" + "1" * 5000 + "]", "1, which is too large", id="number-of-5000-digits"),
        ("-" + "1" * 101, "1, which is too large"),
        ("[1e101]", "the number 1e101, which is too large"),
        ("[-1e999999]", "the number -1e999999, which is too large"),
        ("0.01E-400", "the number 0.01E-400, which is too small"),
        pytest.param(f"0.{'0' * 400}1", "which is too small", id="number-of-400-zeros"),
    ],
)
def test_what_could_not_be_stored_is_the_problem_of_its_own_element(element: str, said: str) -> None:
    longest = "1" * 5000
    first, second, third, fourth = cut_array(
        f'[{{"a": 1.5}}, {element}, [0, 0.0e-999, -{"1" * 100}, "{longest}"], {longest}]'
    )
    assert (first.value, first.problem, third.value, third.problem) == (
        {"a": 1.5},
        None,
        [0, 0, -int("1" * 100), longest],
        None,
    )
    assert second.text == element and second.problem is not None
    assert said in second.problem and len(second.problem) < 200
    assert fourth.text == longest and fourth.problem is not None


@pytest.mark.parametrize("text", ["", " \r\n", "{}", '{"error": true}', "<html>", "null", "\ufeff[1]"])
def test_what_is_not_an_array_is_refused_with_its_beginning(text: str) -> None:
    with pytest.raises(BadResponse) as error:
        cut_array(text)
    assert f"expected a JSON array, the response begins {text.strip()!r}" in str(error.value) or not text.strip()


@pytest.mark.parametrize("text", ["", " ", "<html>", "{", '{"a":}', "\ufeff{}", "{} {}"])
def test_what_is_not_a_document_is_refused_with_its_end(text: str) -> None:
    with pytest.raises(BadResponse, match="not complete JSON") as error:
        parse_json(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "text",
    ['["\\ud83d\\ude00"]', '["\\uD83D\\uDE00 ok"]', '["\\\\ud83d"]', '["\\\\u0000"]', '["\\\\\\\\u0000"]', '["😀"]'],
)
def test_real_surrogate_pairs_and_escaped_backslashes_pass(text: str) -> None:
    assert cut_array(text) == [Document(json.loads(text)[0], text[1:-1])]
