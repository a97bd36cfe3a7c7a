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
        block
        for block in fenced(CHINESE)
        if "--lang zh" not in block and not block.startswith(tree)
    ]


def test_the_rooms_are_the_same_and_it_is_no_longer():
    room = re.compile(r"^ *(\w+/)(?: |$)", re.MULTILINE)
    trees = [
        block
        for text in (ENGLISH, CHINESE)
        for block in fenced(text)
        if block.startswith("```text")
    ]
    assert len(trees) == 2 and room.findall(trees[0]) == room.findall(trees[1])
    assert len(CHINESE.splitlines()) <= 150


def test_links_are_the_same_and_lead_somewhere():
    assert links(CHINESE) - {"README.md"} == links(ENGLISH) - {"README.zh.md"}
    assert all((ROOT / link).exists() for link in links(CHINESE))
