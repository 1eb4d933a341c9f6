"""Machines with nothing but what README.md asks for: containers without anything of this checkout's environment."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bare import registry
from tests.docker import docker
from tests.e2e.stack import copy_files

COMMAND_SECONDS = 900
LIFETIME = "2h"
"""A machine ends by itself then, should nobody be left to remove it."""

BUNDLE = "/checkout.bundle"
CLONE = "dw-local-free"

Answer = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Machine:
    """A running container, and the user at its terminal."""

    container: str
    user: str

    def run(self, script: str) -> Answer:
        """What a user types in the clone; both outputs in one."""
        command = ["docker", "exec", "--user", self.user, self.container, "bash", "-c", f"cd ~/{CLONE}\n{script}"]
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.run(command, text=True, timeout=COMMAND_SECONDS, **pipes)

    def done(self, script: str) -> str:
        """What it prints; AssertionError with the end of that when it fails."""
        answer = self.run(script)
        last = "\n".join(answer.stdout.splitlines()[-40:])
        assert answer.returncode == 0, f"{script}: exit code {answer.returncode}\n{last}"
        return answer.stdout

    def processes(self) -> str:
        """Pid and command of all that runs, as the engine sees it."""
        return docker("top", self.container, "-eo", "pid,args")


def image(release: str) -> str:
    """The image of a bare Debian: the one that is there, else built from the public one."""
    name = f"bare-machine:{release}"
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode:
        docker("build", "-q", "-t", name, "--build-arg", f"RELEASE={release}", str(Path(__file__).parent))
    return name


@contextmanager
def started(image: str, user: str) -> Iterator[Machine]:
    """A machine with a clone of this checkout, as it is now, in the home of `user`; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="dw-bare-") as folder:
        bundle = commit(Path(folder))
        # A machine has an init, which reaps what its parent has left.
        container = docker("run", "-d", "--rm", "--init", *options(bundle), image, "sleep", LIFETIME).strip()
        try:
            machine = Machine(container, user)
            clone = ["docker", "exec", "--user", user, container, "bash", "-c", f"git clone -q {BUNDLE} ~/{CLONE}"]
            subprocess.run(clone, check=True, timeout=COMMAND_SECONDS)
            yield machine
        finally:
            docker("rm", "-f", container)


def options(bundle: Path) -> list[str]:
    """Of `docker run`: the checkout to clone, and what it takes to reach the package index of the machine around it."""
    values = registry.variables()
    mounts = {bundle: BUNDLE} | {path: str(path) for path in registry.places(values)}
    words = [f"--env={name}={value}" for name, value in values.items()]
    return words + [f"--mount=type=bind,source={here},target={there},readonly" for here, there in mounts.items()]


def commit(folder: Path) -> Path:
    """A file to clone from: the files of the checkout as they are now, in one commit."""
    copy, bundle = folder / "checkout", folder / "checkout.bundle"
    copy.mkdir()
    copy_files(copy)
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        (*author, "commit", "-q", "-m", "The checkout as it is now"),
        ("bundle", "create", "-q", str(bundle), "HEAD", "main"),
    ):
        subprocess.run(["git", *words], cwd=copy, check=True, timeout=COMMAND_SECONDS)
    bundle.chmod(0o644)  # the user of the machine is not the one here
    return bundle
