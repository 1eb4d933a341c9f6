"""One request as it came in, and one response before it goes on the wire."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """`query` is the query (or form) string exactly as sent: Open-Meteo tells a literal comma from an encoded one."""

    method: str
    path: str
    query: str
    headers: Message

    @cached_property
    def params(self) -> dict[str, str]:
        """Decoded parameters; of a repeated one, the last."""
        return {unquote_plus(name): unquote_plus(value) for name, value in self.pairs}

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Parameters in order, values still percent-encoded."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return [(name, value) for name, _, value in pairs]

    def listed(self, name: str) -> list[str]:
        """A list parameter: cut at literal commas first, decoded afterwards."""
        values = [value for key, value in self.pairs if unquote_plus(key) == name]
        return [unquote_plus(item) for value in values for item in value.split(",") if item]


@dataclass
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, body: Any, status: int = 200, ascii_only: bool = False, headers: Mapping[str, str] | None = None
    ) -> "Response":
        return cls(status, dump(body, ascii_only).encode(), {"Content-Type": JSON_TYPE, **(headers or {})})

    @classmethod
    def text(
        cls, body: str, status: int = 200, kind: str = "text/plain", headers: Mapping[str, str] | None = None
    ) -> "Response":
        return cls(status, body.encode(), {"Content-Type": f"{kind}; charset=utf-8", **(headers or {})})


def dump(body: Any, ascii_only: bool = False) -> str:
    """JSON as both services write it: without blanks."""
    return json.dumps(body, ensure_ascii=ascii_only, separators=(",", ":"))
