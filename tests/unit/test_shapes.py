"""What does not fit the shape of a response is told by its field."""

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from include.shapes import mismatch, shown, time_like
from include.sources.weather import api as weather
from include.sources.wikipedia import api as wikipedia


class Inner(BaseModel):
    """A number and a time."""

    number: int
    time: Annotated[str, time_like("2026-07-16T05")] = ""


SHAPE: TypeAdapter[Any] = TypeAdapter(dict[str, list[Inner]])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": [{"number": 1}, {"number": "7"}]}, "field at.a[1].number is '7': input should be a valid integer"),
        ({"a": [{"number": True}]}, "field at.a[0].number is True: input should be a valid integer"),
        ({"a": [{}]}, "field at.a[0].number is missing"),
        ({"a": 7}, "field at.a is 7: input should be a valid list"),
        ([], "field at is []: input should be a valid dictionary"),
    ],
)
def test_the_field_that_does_not_fit_is_named_with_its_value(value: object, said: str) -> None:
    assert str(mismatch(SHAPE, value, "at")) == said


def test_a_document_that_is_none_of_it_is_shown() -> None:
    assert str(mismatch(SHAPE, 7)) == "the response is 7: input should be a valid dictionary"
    assert str(mismatch(SHAPE, {"a": 7})) == "field a is 7: input should be a valid list"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2024-02-29T05", True),
        ("2026-02-29T05", False),
        ("2026-02-28T24", False),
        ("2026-02-28T05:00", False),
        ("2026-02-28", False),
        (5, False),
        (None, False),
    ],
)
def test_a_time_is_a_day_of_the_calendar_in_the_form_of_the_service(text: object, fits: bool) -> None:
    assert (mismatch(SHAPE, {"a": [{"number": 1, "time": text}]}) is None) is fits


@pytest.mark.parametrize("value", ["x", "x" * 5000, [1] * 5000, None])
def test_a_value_is_shown_in_few_characters(value: object) -> None:
    assert len(shown(value)) <= 100
    assert repr(value).startswith(shown(value).removesuffix("…"))


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (weather.FIGURES, ["x"] * 3),
        (weather.HOURS, ["x"] * 3),
        (wikipedia.PAGE, {"revisions": ["x"] * 3}),
    ],
)
def test_a_list_of_nothing_but_errors_is_left_at_the_first(shape: TypeAdapter[Any], value: object) -> None:
    """An error for each of a million values would take more memory than the response."""
    with pytest.raises(ValidationError) as error:
        shape.validate_python(value, strict=True)
    assert error.value.error_count() == 1
