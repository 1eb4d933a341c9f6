"""Settings, all from the environment (`.env` in the compose stack, `.local/env` on a laptop); every name begins with DW_."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from croniter import croniter

from include.errors import BadSetting
from include.source import Range, Source
from include.sources import SOURCES

LONGEST_SCHEDULE = 200
"""Characters. Airflow keeps a description in words, several times as long, in a column of 1,000."""


@dataclass(frozen=True)
class SourceSettings:
    """What one source is configured by: its schedule, the days that a scheduled run reads again, subjects of one load."""

    schedule: str
    revision_days: int
    per_batch: int


@dataclass(frozen=True)
class Settings:
    """What the DAGs are configured by.

    Schedules are cron expressions or presets in UTC; start_date is the first instant that catchup fills.
    """

    sources: Mapping[str, SourceSettings]
    marts_schedule: str
    start_date: datetime
    patience_seconds: int
    contact: str


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of `environment`, with their defaults; raises BadSetting naming the variable."""
    return Settings(
        sources={name: _of_source(environment, source) for name, source in SOURCES.items()},
        marts_schedule=_schedule(environment, "DW_MARTS_SCHEDULE", "15 * * * *"),
        start_date=_date(environment, "DW_START_DATE", "2026-11-01"),
        patience_seconds=_number(environment, "DW_PATIENCE_SECONDS", Range(75, 0, 600)),
        contact=_contact(environment, "DW_CONTACT", "https://github.com/dw-local-free/dw-local-free"),
    )


def schedule_setting(source: Source) -> str:
    """The variable that says when a source is loaded."""
    return f"DW_{source.name.upper()}_SCHEDULE"


def _of_source(environment: Mapping[str, str], source: Source) -> SourceSettings:
    prefix = f"DW_{source.name.upper()}"
    return SourceSettings(
        schedule=_schedule(environment, schedule_setting(source), "@daily"),
        revision_days=_number(environment, f"{prefix}_REVISION_DAYS", Range(source.revision_days, 0, 60)),
        per_batch=_number(environment, f"{prefix}_{source.subjects.name.upper()}_PER_BATCH", source.batch),
    )


def _number(environment: Mapping[str, str], name: str, allowed: Range) -> int:
    text = environment.get(name) or str(allowed.default)
    if not text.isdecimal() or len(text) > 9 or not allowed.lowest <= int(text) <= allowed.highest:
        raise BadSetting(f"{name} must be a whole number from {allowed.lowest} to {allowed.highest}, not {text!r}")
    return int(text)


def _date(environment: Mapping[str, str], name: str, default: str) -> datetime:
    text = environment.get(name) or default
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadSetting(f"{name} must be a date such as 2026-11-01, not {text!r}") from None


def _schedule(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name) or default
    if len(text) <= LONGEST_SCHEDULE and _has_times(text):
        return text
    raise BadSetting(
        f"{name} must be a cron expression such as @daily or 15 * * * *, of at most {LONGEST_SCHEDULE} characters, with times "
        f"before and after now, not {text!r}"
    )


@cache
def _has_times(schedule: str) -> bool:
    """Whether it is a cron expression with times: a well formed one may have none, as 0 0 31 2 *."""
    with suppress(ValueError, TypeError):  # croniter's own errors are both
        times = croniter(schedule)
        times.get_next()
        times.get_prev()
        # Two to come: an interval has a beginning and an end.
        times.get_next(), times.get_next()
        return True
    return False


def _contact(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name) or default
    # It goes into a header.
    if not (text.isascii() and text.isprintable()):
        raise BadSetting(f"{name} must be an address or a URL in printable ASCII, not {text!a}")
    return text
