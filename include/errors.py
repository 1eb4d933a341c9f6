"""Errors that a user is meant to read: they name the thing and say what to do."""

import re

NOT_TO_BE_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal, begins a line that nobody wrote, or turns the direction of what follows."""


def legible(text: str) -> str:
    """A text from outside, as it may stand in a message or a log: what would steer the reader's screen is written out as \\x1b."""
    return NOT_TO_BE_SHOWN.sub(lambda found: ascii(found[0])[1:-1], text)


FIRST_LINE = 160
"""Characters of a message's first line, which lists and the web UI show first: what it is, and where."""


def in_lines(text: str, *more: str) -> str:
    """A message for the web UI: what and where in the first line, all else and the advice in lines of their own."""
    lines = [text] if len(text) <= FIRST_LINE else [f"{text[: FIRST_LINE - 1]}…", text]
    return "\n".join([*lines, *filter(None, more)])


def in_one_line(message: str) -> str:
    """What in_lines has made, for a list: its lines after each other, each text once."""
    first, *more = [" ".join(line.split()) for line in message.splitlines() if line.strip()] or [""]
    is_whole = not (first.endswith("…") and more and more[0].startswith(first[:-1]))
    return "; ".join([first, *more] if is_whole else more)


class WarehouseError(Exception):
    """Something a person has to know of; its text is shown as it is, without a traceback.

    `advice` says what to do about it: in the same line where a command tells it, in a line of its own in the web UI.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}; {advice}" if advice else what)
        self.what = what
        self.advice = advice


class Refused(WarehouseError):
    """A command that cannot be carried out as it was typed."""


class BadSetting(WarehouseError):
    """A setting in the environment or .env that cannot be used."""


class BadWindow(WarehouseError):
    """A window that cannot be loaded: it ends before it starts, lies in the future or before 1940, is not a date, or misspelled."""


class BadSeed(WarehouseError):
    """The seed file names something that cannot be tracked."""


class LoadError(WarehouseError):
    """A load that cannot go on; its text says which task to clear."""


class UnfinishedAudit(WarehouseError):
    """An audit that did not come to a verdict, for a reason that may pass: the database went away."""


class BadResponse(WarehouseError):
    """A response that is not what was asked for.

    `is_retryable` tells whether it passes by itself, so that asking again can help, `retry_after` after how many seconds at the
    earliest (None: the service named no time). `is_of_service` tells that other requests would fare no better; otherwise it may
    be the fault of what was asked for.
    """

    def __init__(
        self,
        problem: str,
        *,
        is_retryable: bool = True,
        retry_after: float | None = None,
        is_of_service: bool = False,
    ) -> None:
        super().__init__(legible(problem))
        self.is_retryable = is_retryable
        self.retry_after = retry_after
        self.is_of_service = is_of_service
