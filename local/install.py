"""Creates .venv with the pinned packages; standard library only, since it runs before anything is installed.

`python3 local/install.py` returns at once when .venv already matches the requirement files. The stamp
.venv/.installed is written last, so an installation that was interrupted is noticed and continued.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = ("requirements.txt", "requirements-local.txt")
OLDEST, NEWEST = (3, 11), (3, 14)
UV = "uv==0.12.17"
NEEDED_GIGABYTES = 3
AGAIN = "The same command, run again, continues where this one stopped."


class InstallError(Exception):
    """What went wrong and what to do, in words for the person at the terminal."""


def fingerprint(repo: str) -> str:
    """Hash of all that .venv depends on; its own place too, because its scripts hold absolute paths."""
    digest = hashlib.sha256(repo.encode())
    for name in REQUIREMENTS:
        with open(os.path.join(repo, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed(repo: str) -> bool:
    """Whether the last installation reached its end and still fits the requirement files and a living Python."""
    if not os.path.exists(os.path.join(repo, ".venv", "bin", "python")):
        return False
    try:
        with open(os.path.join(repo, ".venv", ".installed")) as file:
            return file.read().strip() == fingerprint(repo)
    except OSError:
        return False


def use_suitable_python() -> None:
    """Goes on with a newer Python from PATH when this one is too old. The file has to stay readable for Python 3.6."""
    found = (sys.version_info[0], sys.version_info[1])
    if OLDEST <= found <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other and other != sys.executable:
            os.execv(other, [other, os.path.abspath(__file__)])
    raise InstallError(
        f"Python 3.11 to 3.14 is needed, {sys.executable} is {found[0]}.{found[1]}. Install one (for example the "
        "package python3.12), or name one: make demo PYTHON=/path/to/python3.12"
    )


def check_disk(repo: str) -> None:
    """Refuses to start what would end in `No space left on device`."""
    free = shutil.disk_usage(repo).free / 1e9
    if free < NEEDED_GIGABYTES:
        raise InstallError(
            f"Only {free:.1f} GB are free where the project lies, {NEEDED_GIGABYTES} GB are needed. "
            "Free some space, then run the same command again."
        )


def last_words(log: str, start: int) -> str:
    """The lines of the log after byte `start` that say why a command failed; its last lines when none stands out."""
    with open(log, "rb") as file:
        file.seek(start)
        lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in ("error", "cause"))]
    return "\n  ".join((telling or lines)[-4:])


def network_hint(text: str) -> str:
    """A sentence on the network when the words of a failure point there."""
    words = (
        "connect",
        "timed out",
        "timeout",
        "resolve host",
        "name resolution",
        "dns",
        "certificate",
        "request",
        "versions: none",
    )
    if any(word in text.lower() for word in words):
        return "The package index cannot be reached: check the network, the proxy (HTTPS_PROXY) or pip's index-url.\n"
    return ""


def run(text: str, command: "list[str]", log: str, env: "dict[str, str] | None" = None) -> None:
    """Runs a command with its output in the log, and shows the seconds that pass. InstallError when it fails."""
    began, shown = time.monotonic(), 0.0
    live = sys.stdout.isatty()
    print(f"  {text} ...", end="" if live else "\n", flush=True)
    with open(log, "ab") as file:
        start = file.tell()
        process = subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL, env=env)
        try:
            while process.poll() is None:
                time.sleep(0.1)
                passed = time.monotonic() - began
                if passed - shown >= (1 if live else 15):
                    shown = passed
                    print(f"\r  {text} ... {passed:.0f} s", end="" if live else "\n", flush=True)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
    if live:
        print(f"\r  {text} ... {time.monotonic() - began:.0f} s", flush=True)
    if process.returncode:
        raise InstallError(f"{text} failed:\n  {last_words(log, start)}\nThe whole log: {log}")


def usable(venv: str, python: str) -> bool:
    """Whether .venv runs, has pip, and is of the wanted Python's version."""
    probe = [os.path.join(venv, "bin", "python"), "-c", "import pip, sys; print(sys.version_info[:2], sys.prefix)"]
    wanted = [python, "-c", "import sys; print(sys.version_info[:2])"]
    try:
        answer = subprocess.run(probe, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return False
    version = subprocess.check_output(wanted, text=True).strip()
    return answer.returncode == 0 and answer.stdout.strip() == f"{version} {venv}"


def create(venv: str, python: str, log: str) -> None:
    """Makes an empty virtual environment; explains a Python that comes without venv or ensurepip."""
    shutil.rmtree(venv, ignore_errors=True)
    try:
        run("creating .venv", [python, "-m", "venv", venv], log)
    except InstallError as error:
        if subprocess.run([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL).returncode:
            raise InstallError(
                f"{python} cannot create virtual environments: its venv or ensurepip module is missing. On Debian and "
                "Ubuntu: apt install python3-venv. Then run the same command again."
            ) from error
        raise


def pip_setting(python: str, name: str) -> str:
    """A setting of pip (index-url, ...), from its environment variable or its configuration files; "" when unset."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if value is None:
        command = [python, "-m", "pip", "config", "get", "global." + name]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        value = answer.stdout.strip() if answer.returncode == 0 else ""
    return " ".join(value.split())


def uv_environment(python: str) -> "dict[str, str]":
    """The environment for uv. uv does not read pip's settings, so a package mirror set for pip is passed on."""
    env = dict(os.environ)
    env.pop("VIRTUAL_ENV", None)
    pairs = (("UV_DEFAULT_INDEX", "index-url"), ("UV_INDEX", "extra-index-url"), ("UV_FIND_LINKS", "find-links"))
    for variable, setting in pairs:
        value = pip_setting(python, setting)
        if value and variable not in env:
            env[variable] = value.replace(" ", ",") if setting == "find-links" else value
    if "UV_INDEX" in env:
        # pip takes a version from whichever of its indexes has it; uv only looks into the first that knows the name.
        env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    env.setdefault("UV_HTTP_TIMEOUT", "60")
    return env


def install(repo: str) -> None:
    """Brings .venv in line with the requirement files."""
    use_suitable_python()
    python = sys.executable
    check_disk(repo)
    venv = os.path.join(repo, ".venv")
    inside = os.path.join(venv, "bin", "python")
    logs = os.path.join(repo, ".local", "logs")
    os.makedirs(logs, exist_ok=True)
    log = os.path.join(logs, "install.log")
    print(f"Installing into .venv (the first time takes some minutes; log: {log})")
    if not usable(venv, python):
        create(venv, python, log)
    try:
        run("installing the installer (uv)", [inside, "-m", "pip", "install", "--disable-pip-version-check", UV], log)
        wanted = [part for name in REQUIREMENTS for part in ("-r", os.path.join(repo, name))]
        command = [inside, "-m", "uv", "pip", "install", "--python", inside, *wanted]
        run("installing the packages", command, log, uv_environment(inside))
    except InstallError as error:
        raise InstallError(f"{error}\n{network_hint(str(error))}{AGAIN}") from error
    stamp = os.path.join(venv, ".installed")
    with open(stamp + ".new", "w") as file:
        file.write(fingerprint(repo))
    os.replace(stamp + ".new", stamp)


def main() -> int:
    """Exit code 0 when .venv is complete, 1 with one clear message otherwise."""
    try:
        if not installed(REPO):
            install(REPO)
    except InstallError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\nThe installation stopped: {error}. {AGAIN}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nStopped. {AGAIN}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
