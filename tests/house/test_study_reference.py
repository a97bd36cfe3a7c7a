"""The study reference is current, says what every key means, and its examples are valid."""

import pytest
import yaml
from study_reference import EXAMPLES, FILE, text

from mae_bench.cli.catalogue import parts
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of

KEYS = {key["name"]: key for key in parts("study")}
BASE = """\
name: base
objectives: [mlm, mae]
tasks: [sst2]
"""
RATIO = (
    "claims: [{sentence: A claim., treatment: mae, control: mlm, test: ratio, cost: evaluate_s, "
    "expected: 0.7, tolerance: 0.2}]"
)
BESIDE = {  # what else a study holds where an example stands inside a list or a mapping
    "objectives[]": "objectives: [{objective: mae, label: one}]",
    "own_tasks[].train": "own_tasks: [{name: t, kind: classify, text: [a], label: b}]",
    "own_tasks[].test": (
        "own_tasks: [{name: t, train: t.csv, kind: classify, text: [a], label: b}]"
    ),
    "own_tasks[].selection": (
        "own_tasks: [{name: t, train: t.csv, kind: classify, text: [a], label: b}]"
    ),
    "own_tasks[]": "own_tasks: [{name: t, data: t.csv, kind: classify, text: [a], label: b}]",
    "encoders[]": f"encoders: [{{label: one, from: owner/name@{40 * '0'}}}]",
    "budget_split.": "budget_split: {flops: 1.0e+13, pretrain_ratios: [0.5]}",
    "zip": "backbone: {num_layers: [2, 4], hidden_size: [64, 128]}",
    "exclude": "backbone: {num_layers: [2, 4]}",
    "claims[].grid": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm}]\n"
        "backbone: {num_layers: [2, 4]}"
    ),
    "references[].comparison.grid": (
        "references: [{text: A number., letter: A, source: arXiv, comparison: {treatment: mae, "
        "control: mlm}}]\nbackbone: {num_layers: [2, 4]}"
    ),
    "noise[]": "noise: [{name: typos, rate: 0.2}]",
    "claims[].along": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm, test: crossing, "
        "direction: rises}]\ncorpus_tokens: [100000, 200000]"
    ),
    "claims[].direction": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm, test: crossing, "
        "along: train_size}]\ntrain_sizes: [200, 1000]"
    ),
    "claims[].between": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm, test: crossing, "
        "along: train_size, direction: rises}]\ntrain_sizes: [200, 1000, all]"
    ),
    "claims[].cost": RATIO,
    "claims[].expected": RATIO,
    "claims[].tolerance": RATIO,
    "claims[].control_protocol": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm, protocol: finetune}]\n"
        "protocols: [finetune, finetune/small]\nrecipes: {finetune/small: {epochs: 1}}"
    ),
    "references[].comparison.control_protocol": (
        "references: [{text: A number., letter: A, source: arXiv, comparison: {treatment: mae, "
        "control: mlm, protocol: finetune}}]\n"
        "protocols: [finetune, finetune/small]\nrecipes: {finetune/small: {epochs: 1}}"
    ),
    "claims[]": (
        "claims: [{sentence: A claim., treatment: mae, control: mlm, margin: 0.02}]\n"
        "protocols: [finetune, linear_probe]\ntrain_sizes: [200]\nnoise: [clean, {typos: 0.1}]"
    ),
    "references[]": (
        "references: [{text: A number., letter: A, source: arXiv, comparison: {treatment: mae, "
        "control: mlm}}]\ntrain_sizes: [200]"
    ),
}


def test_the_reference_is_current():
    is_current = FILE.exists() and FILE.read_text(encoding="utf-8") == text()
    assert is_current, "docs/study-reference.md is stale; run `python tests/study_reference.py`"


def test_every_key_has_a_meaning_and_an_example():
    assert set(KEYS) == set(EXAMPLES)
    for key in KEYS.values():
        assert len(key["meaning"]) > 8, f"{key['name']} has no meaning in its docstring"


def study_with(path, value):
    """Return the study of BASE with one key set."""
    before = next((more for start, more in BESIDE.items() if path.startswith(start)), "")
    raw = yaml.safe_load(BASE) | (yaml.safe_load(before) or {})
    *folders, last = path.split(".")
    at = raw
    for folder in folders:
        name = folder.removesuffix("[]")
        at = at.setdefault(name, {})
        at = at[0] if folder.endswith("[]") else at
    at[last] = value
    return raw


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path != "scales.NAME"])
def test_the_example_is_what_the_key_takes(path):
    value = yaml.safe_load(EXAMPLES[path])
    study = study_of(study_with(path, value))
    default = KEYS[path]["default"]
    assert str(value) != default, "an example that is the default shows nothing"
    needs_files = "encoders/mine" in EXAMPLES[path] or path.startswith("own_tasks")
    if not needs_files and path not in ("corpus.sources", "claims[].metric"):
        assert make_plan(study, None).stages
