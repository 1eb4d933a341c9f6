"""The installation: what counts as finished, and what it says when it cannot go on."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import install


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    for name in install.REQUIREMENTS:
        (tmp_path / name).write_text("a==1\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


def finish(repo: Path) -> None:
    (repo / ".venv" / ".installed").write_text(install.fingerprint(str(repo)))


def test_finished(repo: Path) -> None:
    finish(repo)
    assert install.installed(str(repo))


def test_interrupted(repo: Path) -> None:
    assert not install.installed(str(repo))


def test_changed_requirements(repo: Path) -> None:
    finish(repo)
    (repo / "requirements-local.txt").write_text("a==2\n")
    assert not install.installed(str(repo))


def test_moved_checkout(repo: Path) -> None:
    finish(repo)
    moved = repo.rename(repo.with_name("moved"))
    assert not install.installed(str(moved))


def test_python_that_was_removed(repo: Path) -> None:
    finish(repo)
    (repo / ".venv" / "bin" / "python").unlink()
    (repo / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    assert not install.installed(str(repo))


def test_environment_broken_by_an_interruption_is_not_usable(repo: Path) -> None:
    assert not install.usable(str(repo / ".venv"), sys.executable)


def test_full_disk(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    with pytest.raises(install.InstallError, match=r"Only 1\.0 GB are free"):
        install.check_disk(str(repo))


def test_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(install.InstallError, match=r"3\.11 to 3\.14 is needed.*is 3\.9"):
        install.use_suitable_python()


def test_failed_command_names_its_error_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "install.log"
    log.write_text("error: of an earlier run\n")
    script = "import sys; print('a line'); sys.exit('error: Failed to fetch: connect timed out')"
    with pytest.raises(install.InstallError) as caught:
        install.run("installing", [sys.executable, "-c", script], str(log))
    assert "Failed to fetch" in str(caught.value) and str(log) in str(caught.value)
    assert "earlier run" not in str(caught.value) and "a line" not in str(caught.value)
    assert "cannot be reached" in install.network_hint(str(caught.value))


def test_the_script_can_be_read_by_an_old_python() -> None:
    """It has to get as far as saying that Python is too old."""
    check = "import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 7))"
    subprocess.run([sys.executable, "-c", check, install.__file__], check=True)
