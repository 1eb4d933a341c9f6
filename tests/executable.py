"""Fenced commands of a Markdown page, as the comments above them say they are to be run, and what the page says comes out.

Above each fenced block of commands stands one of

    <!-- run -->              it is run on the local stack: `sh` by a shell that has sourced .local/env, `sql` by psql as dw_owner
    <!-- compose -->          it is run on the compose stack
    <!-- skip: reason -->     it is not run

and after a colon, with commas between: `exit 1`, the code that it ends with, which is that of its first command that fails;
`until`, when it is run again and again until what comes out is what the page shows; `interrupt`, when it goes on until Ctrl-C. A
line `<!-- given: words -->` above that names what has to be so first, which the test brings about.

A block of `text` below a block is all that comes out of it, both streams: `…` stands for any text within a line, a line of nothing
else for any lines; trailing spaces do not count. A block of text that nothing prints there says why: `<!-- skip: reason -->`.
"""

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

COMMANDS = ("sh", "sql")
OUTPUT = "text"
RUN, COMPOSE, SKIP = "run", "compose", "skip"
MARK = re.compile(r"<!-- (\w+)(?:: (.+))? -->")
FENCE = re.compile(r"^( *)```(\w*)$")
REST = "…"
END = "the-end-of-a-block"
BLOCK_SECONDS = 300
UNTIL_SECONDS = 180
INTERRUPT_SECONDS = 3
INTERRUPTED = 124
NO_SHELL = -1
PSQL = 'psql -X -v ON_ERROR_STOP=1 "$WAREHOUSE_URL"'


class Unmarked(Exception):
    """The page has a block that says nothing, or nothing known, of how it is run."""


@dataclass
class Block:
    """Commands of the page; `line` is that of their fence, `expected` None where the page shows no output."""

    line: int
    language: str
    text: str
    mark: str
    code: int = 0
    until: bool = False
    interrupt: bool = False
    given: list[str] = field(default_factory=list)
    expected: str | None = None

    def fits(self, output: str) -> bool:
        """Whether that is what the page says comes out."""
        return self.expected is None or bool(pattern(self.expected).fullmatch(_stripped(output)))


def pattern(expected: str) -> re.Pattern[str]:
    """What a shown output stands for."""
    lines = []
    for line in _stripped(expected).splitlines(keepends=True):
        if line.strip() == REST:
            lines.append(r"(?:[^\n]*\n)*?" if line.endswith("\n") else r"(?:[^\n]*\n)*[^\n]*")
        else:
            lines.append(r"[^\n]*".join(map(re.escape, line.split(REST))))
    return re.compile("".join(lines))


def _stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def blocks_of(page: str) -> list[Block]:
    """The blocks of commands in the order of the page. Unmarked, with the line, where one says not how it is run."""
    found: list[Block] = []
    last: Block | None = None  # that output would belong to: nothing but empty lines is between
    marks: list[tuple[str, str]] = []
    lines = enumerate(page.splitlines(), start=1)
    for number, line in lines:
        if fence := FENCE.match(line):
            language, text = fence[2], "\n".join(_until_fence(lines, len(fence[1]), number))
            if language == OUTPUT and last and not marks:
                last.expected = text
                last = None
            elif language == OUTPUT and [mark for mark, reason in marks if mark == SKIP and reason]:
                last = None
            elif language in COMMANDS:
                last = _block(number, language, text, marks)
                found.append(last)
            else:
                raise Unmarked(
                    f"line {number}: a block of {language or 'nothing'} that is the output of no block above it"
                )
            marks = []
        elif line.strip() and not (mark := MARK.fullmatch(line.strip())):
            last, marks = None, []
        elif line.strip() and mark:
            last = None
            marks.append((mark[1], mark[2] or ""))
    return found


def _until_fence(lines: Iterator[tuple[int, str]], indent: int, number: int) -> Iterator[str]:
    for _, line in lines:
        if line.strip() == "```":
            return
        yield line[indent:]
    raise Unmarked(f"line {number}: the block does not end")


def _block(line: int, language: str, text: str, marks: list[tuple[str, str]]) -> Block:
    *before, (mark, words) = marks or [("", "")]
    if mark not in (RUN, COMPOSE, SKIP) or any(name != "given" or not words for name, words in before):
        raise Unmarked(
            f"line {line}: above the block stands neither <!-- run -->, <!-- compose --> nor <!-- skip: reason -->"
        )
    block = Block(line, language, text, mark, given=[words for _, words in before])
    if mark == SKIP:
        if not words:
            raise Unmarked(f"line {line}: <!-- skip --> without a reason")
        return block
    for option in filter(None, words.split(", ")):
        if code := re.fullmatch(r"exit (\d+)", option):
            block.code = int(code[1])
        elif option in ("until", "interrupt"):
            setattr(block, option, True)
        else:
            raise Unmarked(f"line {line}: {option!r} is not known; tests/executable.py says what is")
    return block


class Terminal:
    """One bash for all blocks: what one of them sets, the next ones have."""

    def __init__(self, bash: "subprocess.Popen[str]", folder: Path) -> None:
        self.bash = bash
        self.script = folder / "block"

    def run(self, block: Block) -> tuple[int, str]:
        """The code that a block ends with, and what it prints on both streams."""
        self.script.write_text(block.text + "\n", encoding="utf-8")
        if block.language == "sql":
            command = f'{PSQL} < "{self.script}"'
        elif block.interrupt:
            command = f'timeout --signal=INT {INTERRUPT_SECONDS} bash "{self.script}" < /dev/null'
        else:
            command = f'eval "$(cat "{self.script}")" < /dev/null'
        code, output = self._type(command)
        return (0 if block.interrupt and code == INTERRUPTED else code), output

    def _type(self, command: str) -> tuple[int, str]:
        assert self.bash.stdin and self.bash.stdout
        self.bash.stdin.write(f"{CODE}=\n{command}\nprintf '\\n%s %s\\n' {END} \"${{{CODE}:-0}}\"\n")
        self.bash.stdin.flush()
        too_long = Timer(BLOCK_SECONDS, self.bash.kill)
        too_long.start()
        output = ""
        try:
            while line := self.bash.stdout.readline():
                if line.startswith(END):
                    return int(line.split()[1]), output.removesuffix("\n")
                output += line
        finally:
            too_long.cancel()
        return NO_SHELL, output + f"(not over within {BLOCK_SECONDS} s, or it has ended the shell)"


CODE = "_code_of_block"
# The first command that fails decides: where several stand in a block, a reader would stop there.
BEGINNING = f"trap ': \"${{{CODE}:=$?}}\"' ERR\n"


@contextmanager
def terminal(folder: Path, env: Mapping[str, str], beginning: str = "") -> Iterator[Terminal]:
    """A user's bash in this folder, which has run `beginning`."""
    with (
        tempfile.TemporaryDirectory(prefix="dw-page-") as scratch,
        subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=folder,
            env=dict(env),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as bash,
    ):
        assert bash.stdin
        bash.stdin.write(f"{beginning}\n{BEGINNING}")
        yield Terminal(bash, Path(scratch))


def untrue(blocks: list[Block], terminal: Terminal, given: Mapping[str, Callable[[], None]]) -> list[str]:
    """Runs the blocks in their order; of each that does not do what its page says: where it stands and what it did instead."""
    found = []
    for block in blocks:
        for words in block.given:
            given[words]()
        code, output = terminal.run(block)
        deadline = time.monotonic() + UNTIL_SECONDS
        while block.until and not (code == block.code and block.fits(output)) and time.monotonic() < deadline:
            time.sleep(1)
            code, output = terminal.run(block)
        if code != block.code or not block.fits(output):
            found.append(f"line {block.line}, ended with {code}, not {block.code}, and printed\n{output}\n")
        if code == NO_SHELL:
            break
    return found
