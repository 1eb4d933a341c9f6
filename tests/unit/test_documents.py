"""What the documents point to is there."""

import re
from pathlib import Path

import pytest

from tests.unit.support import REPO

DOCUMENTS = sorted([*REPO.glob("*.md"), *(REPO / "docs").glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GUARANTEES = [f"G{number}" for number in range(1, 13)]


def name_of(path: Path) -> str:
    return path.relative_to(REPO).as_posix()


def anchors(document: Path) -> set[str]:
    """The anchors that a host of repositories makes of the headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def names_of_tests() -> set[str]:
    """Of all tests that there are."""
    files = (REPO / "tests").rglob("*.py")
    return {name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}


def broken(document: Path) -> list[str]:
    """The links of a document to files and headings that are not there."""
    found = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


def test_there_are_documents() -> None:
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/usage.md"} <= set(
        map(name_of, DOCUMENTS)
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert broken(document) == []


def test_what_is_said_of_security_names_its_test() -> None:
    text = (REPO / "docs" / "security.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`(test_\w+)`", text)) - names_of_tests() == set()
    claims = re.findall(r"^- (.*(?:\n  .*)*)", text, re.M)
    assert len(claims) > 20
    assert [claim for claim in claims if "`test_" not in claim] == []


def test_each_failure_of_the_runbook_is_told_in_full_and_names_its_tests() -> None:
    text = (REPO / "docs" / "runbook.md").read_text(encoding="utf-8")
    chapter = text.partition("\n## When something fails\n")[2].partition("\n## ")[0]
    sections = chapter.split("\n### ")[1:]
    assert len(sections) > 10
    for section in sections:
        name = section.partition("\n")[0]
        for label in ("**By itself.**", "**What to do.**", "**Prevention.**"):
            assert section.count(label) == 1, (name, label)
        seen = re.search(r"^\|---.*\n((?:\|.*\n)+)", section.partition("**By itself.**")[0], re.M)
        assert seen, name
        untested = [row for row in seen[1].splitlines() if not re.search(r"<!-- (test_\w+ ?)+ *-->", row)]
        assert untested == [], name
    assert set(re.findall(r"\btest_\w+", chapter)) - names_of_tests() == {"test_locks"}  # a file


def test_the_readme_links_each_guarantee_to_its_tests() -> None:
    rows = re.findall(r"^\| (G\d+) \|.*\|(.*)\|$", (REPO / "README.md").read_text(encoding="utf-8"), re.M)
    assert [guarantee for guarantee, _ in rows] == GUARANTEES
    for guarantee, tests in rows:
        assert f"(tests/warehouse/test_{guarantee.lower()}_" in tests, guarantee


def test_every_test_of_a_guarantee_is_named_in_the_readme() -> None:
    text = (REPO / "README.md").read_text(encoding="utf-8")
    assert [name for name in map(name_of, (REPO / "tests").rglob("test_g[0-9]*.py")) if f"({name})" not in text] == []
