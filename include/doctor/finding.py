"""What a check comes to, and how that is told."""

import os
import shlex
from dataclasses import dataclass
from enum import StrEnum

from include.command import PREFIX, clearing, typed

LONGEST_LINE = 159
NAME_WIDTH, STATE_WIDTH = 13, 12


class State(StrEnum):
    """Of a check. UNKNOWN: it could not be told; SKIPPED: there is nothing to look at from here."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "cannot tell"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What was found, in words, and the command that mends it; nothing where nothing is to be done."""

    state: State
    text: str
    fix: str = ""

    def line(self, name: str) -> str:
        """One line of less than 160 characters. The words are cut where they are too many, the command never."""
        head, tail = f"{self.state:<{STATE_WIDTH}}{name:<{NAME_WIDTH}}", f": {self.fix}" if self.fix else ""
        room = max(20, LONGEST_LINE - len(head) - len(tail))
        text = " ".join(self.text.split())
        return head + (text if len(text) <= room else f"{text[: room - 1]}…") + tail


def good(text: str) -> Finding:
    """All is well."""
    return Finding(State.GOOD, text)


def bad(text: str, fix: str) -> Finding:
    """Something is wrong, and this mends it or shows more of it."""
    return Finding(State.BAD, text, fix)


def skipped(text: str) -> Finding:
    """Nothing to look at, and why."""
    return Finding(State.SKIPPED, text)


def sql(statement: str) -> str:
    """How a statement to the warehouse is typed in the stack of this process."""
    psql = "docker compose exec postgres psql -U dw_owner -d dw" if os.environ.get(PREFIX) else 'psql "$WAREHOUSE_URL"'
    return f"{psql} -c {shlex.quote(statement)}"


def again(dag_id: str, run_id: str) -> str:
    """What runs a run again as a whole; of one whose name is too long for a line, what lists it."""
    if len(run_id) > 60:
        return typed(f"airflow dags list-runs {dag_id} --state failed")
    return clearing(dag_id, run_id)
