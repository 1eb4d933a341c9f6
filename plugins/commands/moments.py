"""Dates as they are typed on a command line."""

from datetime import UTC, datetime, timedelta

from plugins.commands import Refused


def read(text: str, option: str) -> datetime:
    """A date or datetime of ISO 8601, in Airflow's default timezone unless it names one. Refused when it is none, or is future."""
    from airflow._shared.timezones import timezone

    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else timezone.make_aware(moment)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{option} {text!r} is no date: write 2026-10-31, or 2026-10-31T06:00.") from None
    if moment > datetime.now(UTC):
        raise Refused(f"{option} {text} lies in the future: nothing has been observed then.")
    return moment


def read_range(start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """First and last moment. One alone stands for both, as in Airflow 2; a date as the end is its whole day."""
    first_text, last_text = start or end, end or start
    if not first_text or not last_text:
        raise Refused("Give a first and a last date: -s 2026-10-01 -e 2026-10-31")
    first, last = read(first_text, "--start-date"), read(last_text, "--end-date")
    if first > last:
        raise Refused(f"--start-date {first_text} is after --end-date {last_text}.")
    return first, last + timedelta(days=1, seconds=-1) if _is_day(last_text) else last


def typed(moment: datetime, day: bool) -> str:
    """How to type a moment: as a date where that means the same and a whole `day` is meant, so that `read` returns it."""
    from airflow._shared.timezones import timezone

    local = timezone.convert_to_utc(moment).astimezone(timezone.make_aware(datetime(2000, 1, 1)).tzinfo)
    return str(local.date()) if day and not (local.hour or local.minute or local.second) else local.isoformat()


def _is_day(text: str) -> bool:
    return "T" not in text and " " not in text.strip()
