"""Airflow's REST API by its official client, and what that leaves to its user: the login, a time limit, and the server's health.

No response is an HTTPError of urllib3, which the client is made of; a refused request is the client's own ApiException.
"""

import json
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from airflow_client.client import ApiClient
    from airflow_client.client.exceptions import ApiException

SECONDS = 30.0
WARM_UP_SECONDS = 120.0


class Pool(urllib3.PoolManager):
    """Connections with a time limit: the client (3.3.1) has none but for single calls, and tells its pool to wait for ever."""

    def request(self, method: str, url: str, *parts: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        return super().request(method, url, *parts, **{**options, "timeout": options.get("timeout") or SECONDS})


# What is not answered is told at once and as it is, for who asks to wait or not. urllib3 heeds no proxy of the environment.
POOL = Pool(retries=False)


def connect(address: str, user: str, password: str) -> "ApiClient":
    """The client, logged in: `DagRunApi(connect(...)).get_dag_runs(...)`. ApiException when the login is refused."""
    # It takes more than a second to import, whatever one needs of it, and what only asks for health needs none.
    from airflow_client.client import ApiClient, Configuration

    client = ApiClient(Configuration(address, access_token=_log_in(address, user, password)))
    client.rest_client.pool_manager = POOL
    return client


def _log_in(address: str, user: str, password: str) -> str:
    """A token, which is good for a day."""
    from airflow_client.client.exceptions import ApiException, ServiceException

    login = {"username": user, "password": password}
    response = POOL.request("POST", f"{address}/auth/token", json=login)
    if not 200 <= response.status < 300:
        # Without the body, which may hold what was sent.
        kind = ServiceException if response.status >= 500 else ApiException
        raise kind(status=response.status, reason=f"{response.reason} (login of {user})")
    return str(response.json()["access_token"])


def reason(refusal: "ApiException") -> str:
    """Why a request was refused, in one line. Never its text, which has the headers, and they may hold a token."""
    return " ".join(f"HTTP {refusal.status} {refusal.reason or ''} {refusal.body or ''}".split())[:500]


def health(address: str) -> dict[str, str]:
    """Component -> healthy or unhealthy; empty while nothing answers. It needs no login."""
    try:
        response = POOL.request("GET", f"{address}/api/v2/monitor/health")
        found = response.json() if response.status == 200 else {}
        return {name: state["status"] or "unknown" for name, state in found.items()}
    except (urllib3.exceptions.HTTPError, ValueError):
        return {}


def is_warm(address: str) -> bool:
    """Has the server build its API for tasks, which it does at the first request: seconds in which all others wait."""
    return POOL.request("GET", f"{address}/execution/health", timeout=WARM_UP_SECONDS).status == 200


def log_of(
    client: "ApiClient", dag_id: str, run_id: str, task_id: str, try_number: int, map_index: int = -1
) -> list[dict[str, Any]]:
    """The entries in the log of one try of a task."""
    from airflow_client.client import TaskInstanceApi

    # The client's class of an entry (3.3.1) keeps nothing but its event and time: the error of a task is in none of them.
    response = TaskInstanceApi(client).get_log_with_http_info(
        dag_id, run_id, task_id, try_number, full_content=True, map_index=map_index, accept="application/json"
    )
    return [entry for entry in json.loads(response.raw_data)["content"] if isinstance(entry, dict)]
