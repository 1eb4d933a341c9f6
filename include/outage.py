"""Requests that get no response: faults of their own, or an outage of the service."""

from include.errors import BadResponse
from include.patience import Patience

OUTAGE = 3
"""Requests in a row without a response, after which no other is asked. Two may be neighbours with a fault of their own each."""


class Unanswered(BadResponse):
    """A request that brought nothing that can be used: in full for the user, what is wrong, and the response, if one came."""

    def __init__(self, text: str, error: BadResponse, raw_id: int | None = None) -> None:
        super().__init__(
            str(error),
            is_retryable=error.is_retryable,
            retry_after=error.retry_after,
            is_of_service=error.is_of_service,
        )
        self.problem = str(error)
        self.text = text
        self.raw_id = raw_id

    def __str__(self) -> str:
        return self.text


class Faults:
    """The requests of a try that got no response: raises where they are not faults of their own but an outage of the service."""

    def __init__(self) -> None:
        self.first: Unanswered | None = None
        self.in_a_row: list[Unanswered] = []
        """Since the last response that came; only errors that pass by themselves, for others are responses of a kind."""
        self.has_responses = False

    def answered(self) -> None:
        self.has_responses = True
        self.in_a_row.clear()

    def met(self, error: Unanswered, patience: Patience) -> None:
        is_later = (error.retry_after or 0) > patience.seconds
        if error.is_of_service or is_later or patience.is_overdrawn:
            raise error
        self.first = self.first or error
        if error.is_retryable:
            self.in_a_row.append(error)
        if len(self.in_a_row) == OUTAGE:
            raise error

    def end(self) -> None:
        """What no response followed stays an outage: two requests at the end, or all of them."""
        if len(self.in_a_row) > 1:
            raise self.in_a_row[-1]
        if self.first and not self.has_responses:
            raise self.first
