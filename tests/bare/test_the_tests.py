"""Tests, typed on machines that have only what README.md asks for, once its commands were: nothing else is there to lean on."""

import pytest

from tests.bare.machine import Machine


@pytest.mark.parametrize("machine", ["Debian 13 as a plain user"], indirect=True)
def test_the_fast_tests_pass(machine: Machine) -> None:
    machine.done("make test-fast")


@pytest.mark.parametrize("machine", ["Debian 12 as root"], indirect=True)
def test_root_in_a_container_recognises_the_processes_of_postgresql(machine: Machine) -> None:
    """There root lacks CAP_SYS_PTRACE, and may not ask a process of another user for its working directory."""
    machine.done("make test T=tests/local/test_local_postgres.py")
