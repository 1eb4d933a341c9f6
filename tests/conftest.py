"""What all tests share: a place of its own for Airflow, the recorded answers, and inputs that went wrong."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent

# Before the first import of Airflow, which reads its settings then: nothing of a running stack may leak in, nor out.
for name in [name for name in os.environ if name.startswith(("AIRFLOW", "DW_", "WAREHOUSE_"))]:
    if not name.startswith("DW_TEST_"):  # those are for the tests
        del os.environ[name]
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="dw-airflow-home-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(REPO / "dags")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(REPO / "plugins")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"
os.environ["GX_ANALYTICS_ENABLED"] = "false"


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of real answers of both services."""
    folder = os.environ.get("RECORDED_API_DIR")
    if not folder:
        pytest.skip("RECORDED_API_DIR is not set: no recorded answers to compare with")
    return Path(folder)


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of inputs that once went wrong; its README says what is right."""
    folder = os.environ.get("CASES_DIR")
    if not folder:
        pytest.skip("CASES_DIR is not set: no inputs that went wrong to try")
    return Path(folder)
