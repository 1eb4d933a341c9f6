"""Patience with a service: how long a try of an extraction may last, and what it waits out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TypeVar

from include.errors import BadAnswer

T = TypeVar("T")

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Between asks, where the service does not say when to ask again; the last one over and over."""

ANSWER_SECONDS = 60.0
"""Of one answer, from the ask to its last byte."""

GOOD_ANSWERS_SECONDS = 300.0
"""For all answers of a load that do come. The largest, a hundred pages of a wiki, asks some three hundred times (by title, now and
then by id, and on where a page was edited more than 500 times) at less than a second each."""


@dataclass
class Patience:
    """What a try may lose to errors that pass by themselves: `seconds` in all, for the asks that fail and the pauses after them."""

    seconds: float
    answer_seconds: float = ANSWER_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.seconds

    @property
    def longest_try(self) -> float:
        """Seconds after which a try hangs: an ask may begin when the patience ends, and one more may fail without any."""
        return self.seconds + 2 * self.answer_seconds + GOOD_ANSWERS_SECONDS

    def begun(self) -> "Patience":
        """The same, for a new try."""
        return replace(self)

    def ask(self, ask: Callable[[], T], tell: Callable[[BadAnswer, float], None]) -> T:
        """What `ask` returns, asked again while it fails with what passes by itself; `tell` is told of each pause in seconds.

        Raises the last BadAnswer when nothing is left, or at once when that does not pass or names a later time to ask again.
        """
        pauses = chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1]))
        while True:
            began = self.clock()
            try:
                return ask()
            except BadAnswer as error:
                left = self.left - (self.clock() - began)
                seconds = error.retry_after or min(next(pauses), left)
                if not error.is_retryable or not 0 < seconds <= left:
                    raise
                tell(error, seconds)
            self.sleep(seconds)
            self.left -= self.clock() - began
