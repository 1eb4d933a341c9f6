"""Who sees what: Airflow's own login and rights. Without a login 401; the data of a source are for who may see its DAG."""

from collections.abc import Callable
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, HTTPException, Request

from include.sources import SOURCES


def visible_sources(request: Request, user: GetUserDep) -> tuple[str, ...]:
    """The sources whose DAGs the user may see; 403 where there is none, 401 without a login."""
    sources = tuple(name for name in SOURCES if _allowed(requires_access_dag("GET", None, name), request, user))
    if not sources:
        raise HTTPException(
            403, "You may not see the DAGs of the warehouse: ask an administrator of Airflow for the right to."
        )
    return sources


Visible = Annotated[tuple[str, ...], Depends(visible_sources)]


def may_trigger(request: Request, user: BaseUser, source: str) -> bool:
    """Whether the user may start a run of the source's DAG. Airflow's API, which starts it, asks the same again."""
    return _allowed(requires_access_dag("POST", DagAccessEntity.RUN, source), request, user)


def _allowed(check: Callable[[Request, BaseUser], None], request: Request, user: BaseUser) -> bool:
    try:
        check(request, user)
    except HTTPException:
        return False
    return True
