"""`make test-fast`, typed in a fresh clone on a machine that has only what README.md asks for."""

import pytest

from tests.bare.machine import Machine


@pytest.mark.parametrize("machine", ["Debian 13 as a plain user"], indirect=True)
def test_the_fast_tests_pass(machine: Machine) -> None:
    machine.done("make test-fast")
