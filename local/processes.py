"""The processes of this machine."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import psutil


def every_process() -> Iterator[psutil.Process]:
    """All that run now.

    psutil (7.2) keeps what it found for the next time, and a pid that was given to another process meanwhile then says once that
    it does not run. Pids come around after 32,768 processes where Linux keeps its default.
    """
    psutil.process_iter.cache_clear()
    return psutil.process_iter()


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. A zombie does not, however long a container without init keeps it."""
    found = []
    for process in processes:
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
