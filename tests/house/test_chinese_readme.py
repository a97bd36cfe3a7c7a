"""README.zh.md keeps to README.md: the same examples and links, and what it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")


def fenced(text):
    return re.findall(r"^```\w+\n.*?^```", text, re.MULTILINE | re.DOTALL)


def links(text):
    return {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)}


def test_examples_are_the_same():
    tree = "```text"
    assert [block for block in fenced(ENGLISH) if not block.startswith(tree)] == [
        block for block in fenced(CHINESE) if "--lang zh" not in block
    ]


def test_links_are_the_same_and_lead_somewhere():
    assert links(CHINESE) - {"README.md"} == links(ENGLISH) - {"README.zh.md"}
    assert all((ROOT / link).exists() for link in links(CHINESE))
