"""How often one may ask: Open-Meteo's weighted call budget and queue, MediaWiki's requests per minute."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sandbox.messages import Request

Clock = Callable[[], datetime]

COMPLIANT_AGENT = re.compile(
    r"^[^\s/()]+/[^\s/()]+ \((?=[^)]*(?:https?://|[^\s@()]+@[^\s@()]+\.))[^)]+\) [^\s/()]+/\S+"
)
"""`<client>/<version> (<contact address or e-mail>) <library>/<version>`"""


class CallBudget:
    """Open-Meteo's free limits: calls per wall-clock minute, hour and UTC day, counted by weight after the response."""

    LIMITS = (
        ("Minutely", 600, "%Y%m%d%H%M", "Please try again in one minute."),
        ("Hourly", 5_000, "%Y%m%d%H", "Please try again in the next hour."),
        ("Daily", 10_000, "%Y%m%d", "Please try again tomorrow."),
    )

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[str, tuple[str, float]] = {}

    def refusal(self) -> str | None:
        """Why the next call is refused, in the service's words; None while there is budget."""
        with self._lock:
            for name, limit, window, advice in self.LIMITS:
                if self._spent(name, window) >= limit:
                    return f"{name} API request limit exceeded. {advice}"
        return None

    def spend(self, weight: float) -> None:
        with self._lock:
            for name, _, window, _ in self.LIMITS:
                self._used[name] = (self._clock().strftime(window), self._spent(name, window) + weight)

    def clear(self) -> None:
        with self._lock:
            self._used.clear()

    def _spent(self, name: str, window: str) -> float:
        since, spent = self._used.get(name, ("", 0.0))
        return spent if since == self._clock().strftime(window) else 0.0


class Queue:
    """One request runs; `waiting` more stand in line; whoever comes after that is turned away."""

    def __init__(self, waiting: int) -> None:
        self._room = threading.Semaphore(1 + waiting)
        self._turn = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[bool]:
        """True once it is this request's turn, False at once when the line is full."""
        if not self._room.acquire(blocking=False):
            yield False
            return
        try:
            with self._turn:
                yield True
        finally:
            self._room.release()


class RequestRate:
    """MediaWiki's requests per wall-clock minute, separately for generic and for compliant agents."""

    GENERIC = 10
    COMPLIANT = 200

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[str, int]] = {}

    def retry_after(self, request: Request) -> int | None:
        """Counts the request; seconds to wait when it was one too many."""
        agent = request.headers.get("User-Agent", "")
        limit = self.COMPLIANT if COMPLIANT_AGENT.match(agent) else self.GENERIC
        now = self._clock()
        minute = now.strftime("%Y%m%d%H%M")
        with self._lock:
            since, count = self._seen.get(agent, ("", 0))
            count = count + 1 if since == minute else 1
            self._seen[agent] = (minute, count)
        return max(1, 60 - now.second) if count > limit else None

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()
