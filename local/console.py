"""What the local run prints: steps with their duration, and failures without a traceback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)


class Failure(Exception):
    """Something the user can understand and act on: printed as it is, exit code 1."""


@contextmanager
def step(text: str) -> Iterator[Callable[[str], None]]:
    """Shows `text` while the block runs and its duration afterwards; the yielded function adds a detail to it."""
    began = monotonic()
    detail = ""

    def tell(news: str) -> None:
        nonlocal detail
        detail = news
        status.update(f"{text} [dim]{news}[/]")

    with out.status(text) as status:
        yield tell
    passed = monotonic() - began
    out.print(f"[green]✓[/] {text}{' ' + detail if detail else ''} [dim]{passed:.1f} s[/]")


def wait_until(ready: Callable[[], bool], seconds: float, otherwise: Callable[[], str]) -> None:
    """Asks `ready` again and again; Failure with the text of `otherwise()` when it is not true in time."""
    deadline = monotonic() + seconds
    while not ready():
        if monotonic() > deadline:
            raise Failure(otherwise())
        sleep(0.1)
