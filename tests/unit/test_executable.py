"""How a page's commands are found, and its output compared."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executable import RUN, SKIP, Block, Terminal, Unmarked, blocks_of, terminal, untrue
from tests.unit.support import REPO

PAGE = """
# Page

<!-- run: exit 1 -->
```sh
make gaps
false
```

```text
… is missing
…
the end
```

Text.

<!-- given: a failed run -->
<!-- run: until -->
```sql
SELECT 1
```

- an item:

  <!-- skip: no terminal -->
  ```sh
    less file
  ```

<!-- skip: seldom -->
```text
no such file
```
"""


def test_blocks_are_found_with_what_the_page_says_of_them() -> None:
    assert blocks_of(PAGE) == [
        Block(5, "sh", "make gaps\nfalse", RUN, code=1, expected="… is missing\n…\nthe end"),
        Block(20, "sql", "SELECT 1", RUN, until=True, given=["a failed run"]),
        Block(27, "sh", "  less file", SKIP),
    ]


@pytest.mark.parametrize(
    "page",
    [
        "```sh\nls\n```",
        "```\nls\n```",
        "<!-- run -->\ntext between\n```sh\nls\n```",
        "<!-- skip -->\n```sh\nls\n```",
        "<!-- run: someday -->\n```sh\nls\n```",
        "<!-- walk -->\n```sh\nls\n```",
        "<!-- given -->\n<!-- run -->\n```sh\nls\n```",
        "<!-- given: words -->\n```sh\nls\n```",
        "<!-- run -->\n```sh\nls\n```\nText.\n```text\nfile\n```",
        "<!-- run -->\n```sh\nls\n",
        "<!-- skip -->\n```text\nls\n```",
    ],
)
def test_a_block_that_says_not_how_it_is_run_is_refused(page: str) -> None:
    with pytest.raises(Unmarked, match=r"^line \d: "):
        blocks_of(page)


@pytest.mark.parametrize(
    ("expected", "output", "fits"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\nb", "a\nb\nc\n", False),
        ("a", "ab", False),
        ("a…c", "a and c\n", True),
        ("a…c", "a\nc\n", False),
        ("a (1.5)", "a (1.5)", True),
        ("a (1.5)", "a (1x5)", False),
        ("…\nb", "b\n", True),
        ("…\nb", "1\n2\nb\n", True),
        ("a\n…\nc", "a\nc", True),
        ("a\n…\nc", "a\nb\nb\nc", True),
        ("a\n…", "a\nb\nc\n", True),
        ("a\n…", "b\na\n", False),
        ("", "", True),
        ("", "a", False),
        ("  a\n b", "  a\n b", True),
        ("  a\n b", "a\nb", False),
    ],
)
def test_an_output_fits_what_the_page_shows(expected: str, output: str, fits: bool) -> None:
    assert Block(1, "sh", "", RUN, expected=expected).fits(output) is fits


def test_what_the_page_shows_nothing_of_may_say_anything() -> None:
    assert Block(1, "sh", "", RUN).fits("anything")


def test_every_block_of_the_runbook_says_how_it_is_run() -> None:
    blocks = blocks_of((REPO / "docs" / "runbook.md").read_text(encoding="utf-8"))
    assert [block for block in blocks if block.mark == RUN]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Terminal]:
    with terminal(tmp_path, {"PATH": os.environ["PATH"]}, "GREETING=hello") as opened:
        yield opened


def of(text: str, expected: str | None = None, code: int = 0, *, until: bool = False, interrupt: bool = False) -> Block:
    return Block(1, "sh", text, RUN, code, until, interrupt, expected=expected)


def test_blocks_share_one_shell_and_both_streams_are_compared(shell: Terminal, tmp_path: Path) -> None:
    blocks = [
        of('mkdir folder && cd folder\nNAME="$GREETING world"', ""),
        of("pwd; echo $NAME >&2", f"{tmp_path}/folder\nhello world"),
        of("printf 'no newline'", "no newline"),
        of("cat", ""),
    ]
    assert untrue(blocks, shell, {}) == []


def test_the_first_command_that_fails_is_the_code_of_a_block(shell: Terminal) -> None:
    blocks = [
        of("(exit 3)\n(exit 4)\ntrue", "", code=3),
        of("if false; then echo; fi; false || true"),
        of("false", code=1),
        of("unheard-of", "bash: …: unheard-of: command not found", code=127),
    ]
    assert untrue(blocks, shell, {}) == []
    assert untrue([of("true", code=1), of("false")], shell, {}) == [
        "line 1, ended with 0, not 1, and printed\n\n",
        "line 1, ended with 1, not 0, and printed\n\n",
    ]


def test_another_output_is_told(shell: Terminal) -> None:
    assert untrue([of("echo 1\necho 2", "1\n3")], shell, {}) == ["line 1, ended with 0, not 0, and printed\n1\n2\n\n"]


def test_after_a_block_that_ends_the_shell_no_other_is_run(shell: Terminal) -> None:
    [told] = untrue([of("echo bye; exit"), of("true")], shell, {})
    assert "bye" in told and "ended the shell" in told


def test_a_block_is_repeated_until_it_is_so_and_another_ended_by_ctrl_c(shell: Terminal) -> None:
    blocks = [
        of("COUNT=$((COUNT + 1)); echo $COUNT", "2", until=True),
        of("echo begun; exec sleep 60", "begun", interrupt=True),
    ]
    assert untrue(blocks, shell, {}) == []


def test_what_is_given_is_so_before_the_block(shell: Terminal, tmp_path: Path) -> None:
    block = Block(1, "sh", "cat file", RUN, given=["a file"], expected="text")
    assert untrue([block], shell, {"a file": lambda: print("text", file=(tmp_path / "file").open("w"))}) == []
