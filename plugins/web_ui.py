"""Where the web UI shows something."""

from urllib.parse import quote

from airflow.sdk import conf


def address(*path: str) -> str:
    """Of a page of the web UI, as its users reach it."""
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return "/".join([base, *(quote(part, safe="") for part in path)])
