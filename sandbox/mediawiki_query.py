"""Reading an Action API query, and refusing it in MediaWiki's own words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

MAX_ROWS = 500
MAX_VALUES = 50
PROPS = ("info", "revisions")
KNOWN = frozenset(
    {
        "action",
        "assert",
        "continue",
        "curtimestamp",
        "errorformat",
        "format",
        "formatversion",
        "inprop",
        "maxage",
        "maxlag",
        "origin",
        "pageids",
        "prop",
        "redirects",
        "requestid",
        "revids",
        "rvcontinue",
        "rvdir",
        "rvend",
        "rvlimit",
        "rvprop",
        "rvslots",
        "rvstart",
        "servedby",
        "smaxage",
        "titles",
        "uselang",
        "utf8",
    }
)
ENUMERATING = ("rvlimit", "rvstart", "rvend")


class ApiError(Exception):
    def __init__(
        self, code: str, info: str, details: Mapping[str, object] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(info)
        self.code, self.info = code, info
        self.details, self.headers = details or {}, headers or {}


@dataclass(frozen=True)
class Query:
    titles: list[str]
    pageids: list[int]
    revids: list[int]
    props: list[str]
    rvprops: frozenset[str]
    redirects: bool
    start: int | None
    """`rvstart` and `rvend` in seconds since 1970, both inclusive."""
    end: int | None
    newer: bool
    enumerating: bool
    """Listing one page's history, as opposed to the latest revision of each page."""
    limit: int
    after: tuple[int, int] | None
    """Where to go on: second and revision id of the first row."""
    warnings: dict[str, list[str]] = field(default_factory=dict)


def parse(params: Mapping[str, str]) -> Query:
    _refuse_action(params)
    warnings: dict[str, list[str]] = {}
    unknown = sorted(set(params) - KNOWN)
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        warnings["main"] = [f"Unrecognized {noun}: {', '.join(unknown)}."]
    props = _values(params, "prop")
    strange = [prop for prop in props if prop not in PROPS]
    if strange:
        noun = "value" if len(strange) == 1 else "values"
        warnings["query"] = [f'Unrecognized {noun} for parameter "prop": {", ".join(strange)}']
    titles = _values(params, "titles")
    pageids, revids = _numbers(params, "pageids"), _numbers(params, "revids")
    _refuse_sources(titles, pageids, revids)
    newer = _direction(params) == "newer"
    enumerating = newer or any(name in params for name in ENUMERATING)
    if "revisions" in props and enumerating:
        _refuse_several(len(titles) + len(pageids), bool(revids))
    return Query(
        titles=titles,
        pageids=pageids,
        revids=revids,
        props=props,
        rvprops=frozenset(_values(params, "rvprop") or ["ids", "timestamp", "flags", "comment", "user"]),
        redirects="redirects" in params,
        start=_second(params, "rvstart"),
        end=_second(params, "rvend"),
        newer=newer,
        enumerating=enumerating,
        limit=_limit(params, warnings) if enumerating else 1,
        after=_continue(params),
        warnings=warnings,
    )


def _refuse_action(params: Mapping[str, str]) -> None:
    action = params.get("action", "help")
    if action != "query":
        raise ApiError("badvalue", f'Unrecognized value for parameter "action": {action}.')
    if "maxlag" in params and _number("maxlag", params["maxlag"]) < 0:
        # A negative limit is the documented way to provoke this error.
        details = {"host": "db1", "lag": 0, "type": "db"}
        info = "Waiting for a database server: 0 seconds lagged."
        raise ApiError("maxlag", info, details, {"Retry-After": "5", "X-Database-Lag": "0"})


def _refuse_sources(titles: list[str], pageids: list[int], revids: list[int]) -> None:
    given = [name for name, values in (("titles", titles), ("pageids", pageids), ("revids", revids)) if values]
    if len(given) > 1:
        listing = ", ".join(f'"{name}"' for name in given)
        raise ApiError("invalidparammix", f"The parameters {listing} can not be used together.")


def _refuse_several(pages: int, by_revision: bool) -> None:
    if by_revision:
        raise ApiError(
            "invalidparammix",
            'The "revids" parameter may not be used with the list options ("rvlimit", "rvstartid", "rvendid", '
            '"rvdir=newer", "rvuser", "rvexcludeuser", "rvstart", and "rvend").',
        )
    if pages > 1:
        raise ApiError(
            "invalidparammix",
            '"titles", "pageids" or a generator was used to supply multiple pages, but the "rvlimit", "rvstartid", '
            '"rvendid", "rvdir=newer", "rvuser", "rvexcludeuser", "rvstart", and "rvend" parameters may only be used '
            "on a single page.",
        )


def _values(params: Mapping[str, str], name: str) -> list[str]:
    """A list; beginning with U+001F it is that, not the bar, which separates."""
    text = params.get(name, "")
    values = text[1:].split("\x1f") if text.startswith("\x1f") else text.split("|")
    values = list(dict.fromkeys(values)) if text else []
    if len(values) > MAX_VALUES:
        info = f'Too many values supplied for parameter "{name}". The limit is {MAX_VALUES}.'
        raise ApiError("toomanyvalues", info, {"parameter": name, "limit": MAX_VALUES, "lowlimit": MAX_VALUES})
    return values


def _numbers(params: Mapping[str, str], name: str) -> list[int]:
    return [_number(name, value) for value in _values(params, name)]


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", text, re.ASCII):
        raise ApiError("badinteger", f'Invalid value "{text}" for integer parameter "{name}".')
    return int(text)


def _direction(params: Mapping[str, str]) -> str:
    value = params.get("rvdir", "older")
    if value not in ("older", "newer"):
        raise ApiError("badvalue", f'Unrecognized value for parameter "rvdir": {value}.')
    return value


def _limit(params: Mapping[str, str], warnings: dict[str, list[str]]) -> int:
    text = params.get("rvlimit", "10")
    if text == "max":
        return MAX_ROWS
    limit = _number("rvlimit", text)
    if not 1 <= limit <= MAX_ROWS:
        # The real one warns and cuts the value to its bounds; it does not fail.
        info = f'The value "{limit}" for parameter "rvlimit" must be between 1 and {MAX_ROWS}.'
        warnings.setdefault("revisions", []).append(info)
    return min(max(limit, 1), MAX_ROWS)


def _second(params: Mapping[str, str], name: str) -> int | None:
    if name not in params:
        return None
    text = params[name]
    if re.fullmatch(r"\d{1,13}", text, re.ASCII):
        return int(text)
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S"):
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    raise ApiError("badtimestamp", f'Invalid value "{text}" for timestamp parameter "{name}".')


def _continue(params: Mapping[str, str]) -> tuple[int, int] | None:
    if "rvcontinue" not in params:
        return None
    match = re.fullmatch(r"(\d{14})\|(\d{1,18})", params["rvcontinue"], re.ASCII)
    try:
        if match:
            moment = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return int(moment.timestamp()), int(match[2])
    except ValueError:
        pass
    raise ApiError(
        "badcontinue", "Invalid continue param. You should pass the original value returned by the previous query."
    )
