"""How far something is that a command waits for."""

from io import StringIO

from rich.console import Console

from include.progress import Counts, Pace, Progress


def counts(done: int, failed: int = 0, running: int = 0, total: int = 90) -> Counts:
    return Counts(total, done, running, failed)


def test_the_pace_is_of_what_has_ended_since_waiting_began() -> None:
    pace = Pace(counts(10), now=100)
    assert pace.tell(counts(10), now=130) == ""
    assert pace.tell(counts(20, failed=1), now=160) == "10.0/min, 0:07:00 left"
    assert pace.tell(counts(90), now=580) == "10.0/min, took 0:08:00"


def test_where_there_is_no_terminal_each_thing_has_a_line_when_more_of_it_is_done_or_failed() -> None:
    out = StringIO()
    with Progress(Console(file=out, width=20), "tasks") as progress:
        for running in (0, 1, 2):
            progress.show("weather", counts(0, running=running, total=5))
        progress.show("wikipedia", counts(0, total=0))
        progress.show("weather", counts(1, running=2, total=5))
        progress.show("weather", counts(1, running=2, total=5), "on hold: [paused]")
    lines = out.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "weather: 0/5 tasks done",
        "wikipedia: 0/0 tasks done",
        "weather: 1/5 tasks done",
        "weather: 1/5 tasks done",
    ]
    assert ["/min" in line for line in lines] == [False, False, True, True]
    assert ", 2 running, 0 failed, on hold: [paused], " in lines[-1]


def test_on_a_terminal_each_thing_has_a_bar() -> None:
    out = StringIO()
    with Progress(Console(file=out, width=120, force_terminal=True, color_system=None), "tasks") as progress:
        progress.show("weather", counts(5, total=5))
        progress.show("wikipedia", counts(1, failed=1, running=2, total=4))
    assert f"weather   {'━' * 20} 5/5 tasks done, 0 running, 0 failed" in out.getvalue()
    assert f"wikipedia {'━' * 5}{' ' * 15} 1/4 tasks done, 2 running, 1 failed" in out.getvalue()
