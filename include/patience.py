"""Patience with a service: how long a try of an extraction may last, and what it waits out."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import TypeVar

from include.errors import BadResponse

T = TypeVar("T")

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Between asks, where the service does not say when to ask again; the last one over and over."""

RESPONSE_SECONDS = 60.0
"""Of one response, from the ask to its last byte."""

GOOD_RESPONSES_SECONDS = 300.0
"""For all responses of a load that do come. The largest, a hundred pages of a wiki, asks some three hundred times (by title, now
and then by id, and on where a page was edited more than 500 times) at less than a second each."""

MOST_OVERDRAWN = 2
"""Responses' time that asks may take to fail when no patience is left: hundreds that fail at once, or one that never comes."""


@dataclass
class Patience:
    """What a try may lose to errors that pass by themselves: `seconds` in all, for the asks that fail and the pauses after them.

    An ask that fails for good takes all that is left of it, so that each later one is asked once. The time of those overdraws it.
    """

    seconds: float
    response_seconds: float = RESPONSE_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.seconds

    @property
    def longest_try(self) -> float:
        """Seconds after which a try hangs: an ask may begin when the patience ends, and one more just before it is overdrawn."""
        return self.seconds + (2 + MOST_OVERDRAWN) * self.response_seconds + GOOD_RESPONSES_SECONDS

    @property
    def is_overdrawn(self) -> bool:
        """Whether a try that goes on might outlast its task, however many good responses come in between."""
        return self.left <= -MOST_OVERDRAWN * self.response_seconds

    def begun(self) -> "Patience":
        """The same, for a new try."""
        return replace(self)

    def ask(self, ask: Callable[[], T], tell: Callable[[BadResponse, float], None]) -> T:
        """What `ask` returns, asked again while it fails with what passes by itself; `tell` is told of each pause in seconds.

        Raises the last BadResponse when nothing is left, or at once when that does not pass or names a later time to ask again.
        """
        pauses = chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1]))
        while True:
            began = self.clock()
            try:
                return ask()
            except BadResponse as error:
                if not error.is_retryable:
                    raise
                left = self.left - (self.clock() - began)
                seconds = error.retry_after or min(next(pauses), left)
                if not 0 < seconds <= left:
                    self.left = 0.0 if self.left > 0 else left
                    raise
                tell(error, seconds)
            self.sleep(seconds)
            self.left -= self.clock() - began
