"""Airflow's connections to the services of the sources."""

from include.sources import SOURCES


def api_connections(instead: str | None = None) -> dict[str, dict[str, str]]:
    """Connection id -> the connection as Airflow's JSON has it: a URI could not hold the braces of `{language}`.

    `instead` is the address of a server that answers in place of all services.
    """
    return {
        connection_id: {"conn_type": "http", "host": instead or host}
        for source in SOURCES.values()
        for connection_id, host in source.connections.items()
    }


def variable(connection_id: str) -> str:
    """The environment variable that gives Airflow this connection, and wins over its database."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"
