"""How this machine reaches its package index, for a container that shall reach it too."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

OF_INSTALLERS = ("PIP_", "UV_", "SSL_CERT_FILE")
OF_CERTIFICATES_AND_PROXIES = ("_ca_bundle", "_proxy")
PLACES_TO_WRITE = ("_cache_dir", "_log")


def variables() -> dict[str, str]:
    """The environment of pip and uv here, and what pip's configuration files say as variables of the same meaning."""
    given = {name: value for name, value in os.environ.items() if name.startswith(OF_INSTALLERS)}
    given |= {name: value for name, value in os.environ.items() if name.lower().endswith(OF_CERTIFICATES_AND_PROXIES)}
    found = configured() | given
    return {name: value for name, value in found.items() if not name.lower().endswith(PLACES_TO_WRITE)}


def configured() -> dict[str, str]:
    """Variable -> value for each setting in pip's configuration files."""
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    found = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.partition(".")
        if section in ("global", "install"):
            found["PIP_" + option.upper().replace("-", "_")] = " ".join(ast.literal_eval(value).split())
    return found


def places(values: dict[str, str]) -> set[Path]:
    """The files and folders of this machine that these values name."""
    found = set()
    for word in re.split(r"[\s,]+", " ".join(values.values())):
        path = Path(word.removeprefix("file://"))
        if path.is_absolute() and (path.is_file() or path.is_dir()):
            # The pages of an index in a folder link to packages beside it.
            found.add(path.parent if word.startswith("file://") and path.is_dir() else path)
    return found
