"""What all tests share: a place of its own for Airflow, the recorded responses, and inputs that went wrong."""

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


NEWEST = max(path.stem[:4] for path in (REPO / "include" / "schema" / "versions").glob("[0-9]*.py"))
"""Number of the last migration."""

LONGEST_FIRST = ("the stack", "compose", "the runbook", "the daily stack", "a machine")
"""Of the tests that share something which takes its time to start. They begin once the fast tests are through, and the rest fills
what is left."""

FAST = ("unit", "dags", "sandbox")
"""Folders whose tests take milliseconds."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers run the tests (pytest-xdist), those that share a stack or a machine go to the same one."""
    # What --dist says is known to the workers of pytest-xdist (3.8) under this name only.
    if not config.getoption("loadgroup", False):
        return
    groups = {item: shared(item) for item in items}
    for item, (group, name) in groups.items():
        if group:
            item.add_marker(pytest.mark.xdist_group(f"{group} {name}".strip()))
    order = {group: place for place, group in enumerate((*LONGEST_FIRST, ""))}
    items.sort(key=lambda item: (item.path.parent.name not in FAST, order[groups[item][0]]))


def shared(item: pytest.Item) -> tuple[str, str]:
    """What a test shares with others: one of LONGEST_FIRST, or nothing; and which one of them."""
    assert isinstance(item, pytest.Function)
    fixtures = item.fixturenames
    if "machine" in fixtures:
        return "a machine", str(item.callspec.params["machine"])
    if item.path.parent.name == "compose":
        return ("compose" if "stack" in fixtures else ""), ""
    if "stack_of_its_own" in fixtures:
        return "the runbook", ""
    return ("the daily stack" if "daily_stack" in fixtures else "the stack" if "running" in fixtures else ""), ""


@pytest.fixture(scope="session")
def recorded() -> Path:
    """The folder of real responses of both services."""
    folder = os.environ.get("RECORDED_API_DIR")
    if not folder:
        pytest.skip("RECORDED_API_DIR is not set: no recorded responses to compare with")
    return Path(folder)


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of inputs that once went wrong; its README says what is right."""
    folder = os.environ.get("CASES_DIR")
    if not folder:
        pytest.skip("CASES_DIR is not set: no inputs that went wrong to try")
    return Path(folder)
