"""What docs/runbook.md says of the compose stack is true: its commands, from top to bottom in one user's shell."""

from tests.compose.stack import ComposeStack
from tests.conftest import REPO
from tests.executable import COMPOSE, blocks_of, terminal, untrue

PAGE = REPO / "docs" / "runbook.md"


def test_its_commands_do_what_it_says(stack: ComposeStack) -> None:
    blocks = [block for block in blocks_of(PAGE.read_text(encoding="utf-8")) if block.mark == COMPOSE]
    assert blocks
    with terminal(stack.repo, stack.environ()) as shell:
        found = untrue(blocks, shell, {})
    assert not found, "\n".join(found)
