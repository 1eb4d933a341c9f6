"""Ports, paths, and what is remembered between runs."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.console import Failure
from local.settings import Paths, Remembered, choose_port, port_from, port_is_free, write_private


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_gives_way_to_the_next_free_one(taken: int) -> None:
    assert not port_is_free(taken)
    chosen = choose_port(taken)
    assert chosen > taken and port_is_free(chosen)


def test_a_port_of_our_own_process_is_kept(taken: int) -> None:
    assert choose_port(taken, held=taken) == taken


def test_two_programs_do_not_get_the_same_port(taken: int) -> None:
    chosen = choose_port(taken)
    assert choose_port(chosen, avoid=frozenset({chosen})) > chosen


@pytest.mark.parametrize("text", ["0", "65536", "http", "-1"])
def test_nonsense_is_refused_by_name(text: str) -> None:
    with pytest.raises(Failure, match=f"DW_AIRFLOW_PORT={text}"):
        port_from({"DW_AIRFLOW_PORT": text}, ("DW_AIRFLOW_PORT",), 8080)


def test_remembered_port_unless_the_environment_asks_for_another() -> None:
    assert port_from({}, ("DW_AIRFLOW_PORT",), 8123) == 8123
    assert port_from({"DW_AIRFLOW_PORT": "9000"}, ("DW_AIRFLOW_PORT",), 8123) == 9000


def test_secrets_are_chosen_once_and_private(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.create()
    first = Remembered.load(paths)
    assert Remembered.load(paths) == first
    assert stat.S_IMODE(paths.remembered.stat().st_mode) == 0o600


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.create()
    write_private(paths.remembered, "{")
    with pytest.raises(Failure, match=r"settings\.json is damaged"):
        Remembered.load(paths)


def test_a_long_path_gets_a_short_link(tmp_path: Path) -> None:
    paths = Paths(tmp_path / ("long" * 30))
    paths.create()
    try:
        assert len(str(paths.supervisor_socket)) < 60
        assert (paths.short / "settings.json").parent.resolve() == paths.state.resolve()
    finally:
        paths.short.unlink()


def test_a_name_taken_by_someone_else_is_refused(tmp_path: Path) -> None:
    paths = Paths(tmp_path / ("long" * 30))
    paths.short.symlink_to(tmp_path)
    try:
        with pytest.raises(Failure, match="is in the way"):
            paths.create()
    finally:
        paths.short.unlink()
