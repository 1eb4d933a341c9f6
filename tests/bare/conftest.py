"""The machines, one at a time: each lives from its first test to its last."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.bare.machine import Machine, image, started
from tests.docker import do_without, why_no_engine

MACHINES = {
    "Debian 12 as root": ("12", "root"),
    "Debian 12 as a plain user": ("12", "user"),
    "Debian 13 as a plain user": ("13", "user"),
}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Machine by machine, README.md first: pytest goes by the place of a parameter in the list of its test, which may have one."""

    def place(item: pytest.Item) -> tuple[int, str]:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        return (
            (list(MACHINES).index(str(parameters["machine"])) + 1, item.path.name)
            if "machine" in parameters
            else (0, "")
        )

    items.sort(key=place)


@pytest.fixture(scope="package", params=MACHINES)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A bare machine with a fresh clone."""
    release, user = MACHINES[request.param]
    if reason := why_no_engine():
        do_without(f"no bare machine runs here: {reason}")
    try:
        name = image(release)
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().rpartition("\n")[2]
        do_without(f"there is no image bare-machine:{release}, and tests/bare/Dockerfile cannot be built: {last}")
    with started(name, user) as machine:
        yield machine
