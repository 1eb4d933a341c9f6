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
    mine = [item for item in items if "machine" in parameters(item)]
    in_order = iter(sorted(mine, key=lambda item: (list(MACHINES).index(parameters(item)["machine"]), item.path.name)))
    items[:] = [next(in_order) if item in mine else item for item in items]


def parameters(item: pytest.Item) -> dict[str, str]:
    """Of a test that has some."""
    return {name: str(value) for name, value in item.callspec.params.items()} if hasattr(item, "callspec") else {}


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
