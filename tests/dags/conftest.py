"""The DAGs as Airflow parses them."""

from typing import Any

import pytest

from tests.conftest import REPO


@pytest.fixture(scope="session")
def bag() -> Any:
    """All DAG files of dags/."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(REPO / "dags"))
