"""The catalogue is current, and what `list` tells programs of an objective is structured."""

import json

import pytest
from catalogue import FILE, text

from mae_bench.cli import main
from mae_bench.cli.catalogue import cell, parts
from mae_bench.cli.described import controls_of, options_of
from mae_bench.objectives.base import Objective
from mae_bench.specs import Frozen, Ratio


class Plain(Objective):
    """Not registered, so that nothing else sees it."""

    class Options(Frozen):
        """Some options.

        Attributes:
            depth: of the tree,
                in levels.
            share: a part.
        """

        depth: int
        share: Ratio = 0.5
        mask_ratio: Ratio = 0.15


def test_the_catalogue_is_current():
    is_current = FILE.exists() and FILE.read_text(encoding="utf-8") == text()
    assert is_current, "CATALOGUE.md is stale; run `python tests/catalogue.py`"


def test_options_tell_type_default_and_meaning():
    depth, share, ratio = options_of(Plain)
    assert depth == {
        "name": "depth",
        "type": "a whole number",
        "default": None,
        "is_required": True,
        "description": "of the tree, in levels.",
    }
    assert (share["default"], share["type"], share["description"]) == (
        0.5, "a number in (0, 1)", "a part."
    )  # fmt: skip
    assert ratio["description"].startswith("share of a row's tokens")
    assert controls_of(Plain) == []
    assert cell("options", [depth, share]) == "depth=required, share=0.5"


def test_every_objective_is_described_as_json():
    by_name = {part["name"]: part for part in json.loads(json.dumps(parts("objectives")))}
    options = {option["name"]: option for option in by_name["mae"]["options"]}
    assert options["mask_ratio"]["default"] == 0.5
    assert options["masking"]["default"] == "random"
    for part in by_name.values():
        for option in part["options"]:
            assert option["type"] and option["description"], (part["name"], option)
    with_controls = {name for name, part in by_name.items() if part["controls"]}
    assert with_controls == set(by_name) - {"random_init"}


def test_a_piped_list_of_everything_has_headings(capsys):
    with pytest.raises(SystemExit):
        main(["list"])
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("# ")]
    assert headings[:2] == ["# objectives", "# maskings"]


def test_kinds_are_described_for_users():
    for part in parts("kinds"):
        assert part["summary"].endswith(".") and "`" not in part["summary"], part["name"]
        assert "label" not in part["summary"].lower(), "how labels are stored is for programmers"
