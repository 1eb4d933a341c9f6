"""What a bench ran on, as far as it tells something to others: no names and no paths."""

import os
import platform
import re
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

from local.postgres import bin_dir

PACKAGES = ("apache-airflow", "great-expectations", "psycopg")


@dataclass(frozen=True)
class Machine:
    """Cores, memory in GiB, and how busy it was with other things: the load averages of 1 and 15 minutes before the bench."""

    cores: int
    processor: str
    memory: int
    system: str
    python: str
    load: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{self.cores} cores ({self.processor}), {self.memory} GiB, {self.system}, {self.python}; load average before it "
            f"{self.load[0]:.1f} (1 minute), {self.load[1]:.1f} (15 minutes)"
        )


def this_machine() -> Machine:
    """As it is now: asked before anything is measured, for the load would be the bench's own then."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    one, _, fifteen = os.getloadavg()
    return Machine(
        cores=os.cpu_count() or 1,
        processor=" ".join(model[1].split()) if model else platform.machine(),
        memory=psutil.virtual_memory().total >> 30,
        system=platform.system(),
        python=f"Python {platform.python_version()}{_build()}",
        load=(round(one, 1), round(fifteen, 1)),
    )


def versions() -> dict[str, str]:
    """Name -> version, of what is measured."""
    server = subprocess.run([bin_dir() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return {"PostgreSQL": server.split()[-1], **{name: version(name) for name in PACKAGES}}


def _build() -> str:
    """Optimizations make a tenth to a fifth of all Python code."""
    has_them = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    return "" if has_them or sys.platform == "win32" else " built without optimizations"
