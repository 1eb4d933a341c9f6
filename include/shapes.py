"""Shapes of what a service answers, declared; the first thing that does not fit is told by its field."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

SHOWN_CHARACTERS = 100
"""Of a value in a message."""

BIGINT = 2**63
"""PostgreSQL's whole numbers are smaller."""

Identifier = Annotated[int, Field(gt=0, lt=BIGINT)]


@dataclass(frozen=True)
class Mismatch:
    """What does not fit: where, the value, and what was expected; `kind` is pydantic's name for the error."""

    field: str
    value: Any
    expected: str
    kind: str

    def __str__(self) -> str:
        if not self.field:
            return f"the response is {shown(self.value)}: {self.expected}"
        if self.kind == "missing":
            return f"field {self.field} is missing"
        return f"field {self.field} is {shown(self.value)}: {self.expected}"


def mismatch(shape: TypeAdapter[Any], value: Any, field: str = "") -> Mismatch | None:
    """The first thing in `value`, a document or the `field` of one, that does not fit; None when all does.

    Nothing is converted: "7" is not a number. Fields that a shape does not name may be there too.
    """
    try:
        shape.validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        expected = first["msg"][:1].lower() + first["msg"][1:]
        return Mismatch((field + path).lstrip("."), first["input"], expected, first["type"])
    return None


def time_like(example: str) -> AfterValidator:
    """Of a text: a time written as the example is, each digit a digit. PostgreSQL would read others, in ways of its own."""
    pattern = re.compile(re.sub("[0-9]", "[0-9]", re.escape(example)))

    def check(text: str) -> str:
        try:
            # Python 3.13 takes 24:00 for the next day's midnight.
            if pattern.fullmatch(text) and datetime.fromisoformat(text).hour == int(text[11:13]):
                return text
        except ValueError:
            pass
        raise PydanticCustomError("time", "input should be a time such as {example}", {"example": example})

    return AfterValidator(check)


def shown(value: object) -> str:
    """A value of a response, for a message: not all of it where it is long."""
    text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
