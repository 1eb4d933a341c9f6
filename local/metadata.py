"""What Airflow knows of this checkout, over REST: its DAGs, the files it cannot read, its pools."""

from airflow_client.client import ApiClient, DAGApi, ImportErrorApi, PoolApi, PoolBody
from airflow_client.client.exceptions import ApiException, ConflictException

from include.sources import SOURCES
from local import rest
from local.console import Failure


def dags(client: ApiClient) -> set[str]:
    """Ids of the DAGs that the DAG processor has read and that are not stale."""
    return {dag.dag_id for dag in DAGApi(client).get_dags(limit=100).dags}


def import_errors(client: ApiClient, since: float) -> dict[str, str]:
    """File -> last line of the reason why it cannot be read, for errors found after `since` (Unix time)."""
    errors = ImportErrorApi(client).get_import_errors(limit=100).import_errors
    recent = [error for error in errors if error.timestamp.timestamp() > since]
    return {error.filename: (error.stack_trace.strip().splitlines() or ["?"])[-1] for error in recent}


def ensure_pools(client: ApiClient) -> None:
    """Creates the pools with one slot each; one that exists keeps the size the user gave it."""
    pools = PoolApi(client)
    present = {pool.name for pool in pools.get_pools(limit=100).pools}
    for name in {source.pool for source in SOURCES.values()} - present:
        try:
            pools.post_pool(PoolBody(name=name, slots=1, description=f"Requests at the same time to {name}"))
        except ConflictException:
            pass  # somebody was faster
        except ApiException as refusal:
            raise Failure(f"The pool {name} cannot be created: {rest.reason(refusal)}") from None
