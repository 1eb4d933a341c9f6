"""The embedded PostgreSQL, for real."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from local import postgres
from local.console import Failure


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with postgres.temporary_server() as running:
        yield running


def data_directory(address: str) -> Path:
    return Path(parse_qs(urlsplit(address).query)["host"][0])


def test_it_is_utf8_and_has_no_port(address: str) -> None:
    with psycopg.connect(address) as connection:
        shown = [connection.execute(f"show {name}").fetchone() for name in ("server_encoding", "listen_addresses")]
    assert shown == [("UTF8",), ("",)]


def test_only_its_owner_can_reach_the_socket(address: str) -> None:
    assert data_directory(address).stat().st_mode & 0o077 == 0


def test_the_metadata_database_is_made_once(address: str) -> None:
    postgres.create_metadata_database(address)
    postgres.create_metadata_database(address)
    with psycopg.connect(postgres.url(data_directory(address), "airflow", "airflow")) as connection:
        assert connection.execute("select current_user").fetchone() == ("airflow",)


def test_the_server_is_found_by_its_data_directory(address: str) -> None:
    server = postgres.postmaster(data_directory(address))
    assert server and server.name() == "postgres"


def test_a_pid_file_with_the_pid_of_another_process_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n")
    assert postgres.postmaster(tmp_path) is None


def test_nothing_is_left_of_a_temporary_server() -> None:
    with postgres.temporary_server() as running:
        data = data_directory(running)
        server = postgres.postmaster(data)
    assert server and not server.is_running()
    assert not data.parent.exists()


def test_an_interrupted_initdb_is_redone(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    half_done = tmp_path / "postgres.new"
    half_done.mkdir()
    (half_done / "PG_VERSION").write_text("16\n")
    postgres.initialise(data, ("--no-sync",))
    assert (data / "global" / "pg_control").exists() and not half_done.exists()


def test_data_of_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("18\n")
    with pytest.raises(Failure, match="PostgreSQL 18, this is 16"):
        postgres.initialise(tmp_path)
