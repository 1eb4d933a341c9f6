"""Windows of time: half-open [start, end), in UTC, in whole hours or finer, never later than now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from croniter import croniter

from include.errors import BadWindow

EARLIEST = datetime(1940, 1, 1, tzinfo=UTC)
"""First hour of Open-Meteo's archive (ERA5)."""

MOST_INTERVALS = 1000
"""Of a schedule that are looked at to find the longest: a week of one that runs every ten minutes."""


@dataclass(frozen=True)
class Window:
    """The half-open span [start, end) of UTC time."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs time zones")

    def __str__(self) -> str:
        return f"[{_short(self.start)}, {_short(self.end)}) UTC"

    @property
    def hours(self) -> float:
        """Length in hours."""
        return (self.end - self.start) / timedelta(hours=1)

    def slices(self, longest: timedelta) -> Iterator["Window"]:
        """The window cut into consecutive windows, each at most `longest`."""
        start = self.start
        while start < self.end:
            end = min(start + longest, self.end)
            yield Window(start, end)
            start = end


@dataclass(frozen=True)
class RunTimes:
    """What Airflow knows of a run: its parameters, its data interval (None for a run without one), and the last interval of
    the schedule that was complete at the run's own run_after (so that a run cleared next week reads the same window).
    """

    start_param: str | None
    end_param: str | None
    data_interval: Window | None
    last_interval: Window
    is_scheduled: bool


def resolve(times: RunTimes, now: datetime, revision: timedelta = timedelta(0)) -> Window:
    """The window of a run: its parameters, else its data interval, else the last complete interval before run_after.

    A scheduled run also reads the `revision` before its interval again, for values that came late. Raises BadWindow for a
    window that begins in the future or before 1940.
    """
    if times.start_param or times.end_param:
        window = _from_params(times.start_param, times.end_param)
    elif times.data_interval is not None and times.data_interval.start < times.data_interval.end:
        window = times.data_interval
    else:
        window = times.last_interval
    if window.start > now:
        raise BadWindow(
            f"the window {window} lies in the future, it is {_short(now)} UTC now", "choose an earlier start_date"
        )
    if window.start < EARLIEST:
        raise BadWindow(
            f"the window {window} begins before 1940-01-01, where the weather archive begins", "choose a later one"
        )
    return Window(max(window.start - revision, EARLIEST), window.end) if times.is_scheduled else window


def last_interval(schedule: str, run_after: datetime) -> Window:
    """The last interval of a cron schedule (in UTC) that was complete at `run_after`."""
    end = interval(schedule, run_after).start
    return Window(croniter(schedule, end, ret_type=datetime).get_prev(), end)


def interval(schedule: str, moment: datetime) -> Window:
    """The interval of a cron schedule (in UTC) that a moment lies in."""
    # The iterator looks strictly before its start; an interval that begins at the moment is the one.
    after = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    start = croniter(schedule, after, ret_type=datetime).get_prev()
    return Window(start, croniter(schedule, start, ret_type=datetime).get_next())


def longest_interval(schedule: str, now: datetime) -> timedelta:
    """The longest interval of a cron schedule (in UTC) from now on: a weekend, where it is of workdays.

    A hundred of them are looked at and those of a week, or as many as a year has, but two at least and MOST_INTERVALS at most.
    """
    times = croniter(schedule, now.astimezone(UTC), ret_type=float)
    week, year = ((now + timedelta(days=days)).timestamp() for days in (8, 366))
    begin, longest = times.get_next(), 0.0
    for number in range(1, MOST_INTERVALS + 1):
        end = times.get_next()
        longest, begin = max(longest, end - begin), end
        if (number > 1 and end > year) or (number >= 100 and end > week):
            break
    return timedelta(seconds=longest)


def until(window: Window, end: datetime) -> Window:
    """The part of the window before `end`; raises BadWindow when nothing is left."""
    if window.start >= end:
        raise BadWindow(f"the window {window} holds nothing that can be known yet", "choose an earlier start_date")
    return Window(window.start, min(window.end, end))


def whole_hours(window: Window) -> Window:
    """The full hours [start, end) whose stamps lie in the window; raises BadWindow when there is none."""
    start, end = _next_hour(window.start), _next_hour(window.end)
    if start >= end:
        raise BadWindow(f"the window {window} holds no full hour", "give it at least one")
    return Window(start, end)


def whole_seconds(window: Window) -> Window:
    """The full seconds [start, end) whose stamps lie in the window; raises BadWindow when there is none."""
    start, end = _next_second(window.start), _next_second(window.end)
    if start >= end:
        raise BadWindow(f"the window {window} holds no full second", "give it at least one")
    return Window(start, end)


def parse_moment(text: str, name: str) -> datetime:
    """A date (its midnight) or datetime in ISO 8601, UTC where it names no zone; raises BadWindow naming the parameter."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, AttributeError, OverflowError):
        raise BadWindow(
            f"{name} must be a date or datetime such as 2026-10-01 or 2026-10-01T06:00, not {text!r}"
        ) from None


def typed_range(first: str | None, last: str | None, now: datetime) -> tuple[datetime, datetime]:
    """First and last moment, both inclusive, of the options -s and -e of a command.

    One alone stands for both; a date as the last is its whole day. BadWindow for what is not a moment, future, or reversed.
    """
    first, last = first or last, last or first
    if not first or not last:
        raise BadWindow("give a first and a last date: -s 2026-10-01 -e 2026-10-31")
    start, end = _past_moment(first, "-s", now), _past_moment(last, "-e", now)
    if _is_date(last):
        end += timedelta(days=1, seconds=-1)
    if start > end:
        raise BadWindow(f"-s {first} is after -e {last}")
    return start, end


def _past_moment(text: str, option: str, now: datetime) -> datetime:
    moment = parse_moment(text, option)
    if moment > now:
        raise BadWindow(f"{option} {text} lies in the future: nothing has been observed then")
    return moment


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text.strip())
    except ValueError:
        return False
    return True


def whole_days(window: Window) -> tuple[date, date]:
    """First and last UTC day (inclusive) that the window touches."""
    return window.start.astimezone(UTC).date(), (window.end.astimezone(UTC) - timedelta(microseconds=1)).date()


def _from_params(start: str | None, end: str | None) -> Window:
    if not start or not end:
        missing = "end_date" if start else "start_date"
        raise BadWindow(f"{missing} is missing", "give both start_date and end_date, or neither; end_date is exclusive")
    window = Window(parse_moment(start, "start_date"), parse_moment(end, "end_date"))
    if window.start >= window.end:
        raise BadWindow(
            f"start_date {start} is not before end_date {end}",
            "end_date is exclusive, so one day is for example 2026-10-01 to 2026-10-02",
        )
    return window


def _next_hour(moment: datetime) -> datetime:
    """The moment itself where it is a full hour, else the next full hour."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)


def _next_second(moment: datetime) -> datetime:
    return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)


def _short(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="minutes").removesuffix("+00:00")
    return text.removesuffix("T00:00")
