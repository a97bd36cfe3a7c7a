"""Measured traps, each held by a test: here, or in the file that the list names.

- FLOPs that a trainer counts leave out the head and attention, and depend on the kernel:
  contract/test_objectives_contract (counted on meta tensors with the plain kernel), and here.
- A vocabulary head at every position would be most of a small model: here.
- Which objective is cheaper turns with the head's share: here.
- Texts packed into one row attend to each other: unit/test_blocks (a row is one document),
  unit/test_heads (a text's output does not depend on its batch), and here.
- A collator's seed does not fix the masks: reference/test_masking, contract (any batch),
  unit/test_pretrain (after a resume).
- Five paired seeds are too few for a verdict: unit/test_claims, and here.
- A streamed, shuffled data set loses items at a resume: unit/test_pretrain (each row once an
  epoch; a run cut short ends as an undisturbed one).
- Samplers repeat values after a resume, and change their defaults: unit/test_tuning_draws,
  e2e/test_tuning.
- Packages that break, or drag others down: here.
- Drawing that the next matplotlib removes: here.
- Memory given back to the kernel after each step: unit/test_network (raising the thresholds).
- Local attention windows are measured on the compacted sequence: here.
- Positions left implicit when tokens are removed: here.
- Half precision where the hardware has it: here.
- Threads of many small tests fight for the cores: here.
- A dictionary as registry overwrites silently, `globals()` returns anything: here.
- A loss that never left the unigram plateau: unit/test_plots (the entropy beside the curve).
"""

import ast
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from report_rows import small_study, table

import mae_bench
from mae_bench.analysis.claims import judge_comparisons
from mae_bench.analysis.rows import read_scores
from mae_bench.backbones import architecture_of
from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.errors import DuplicateNameError, UnknownNameError
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import build_backbone, build_config
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.registry import Registry
from mae_bench.specs import BackboneSpec
from mae_bench.training.precision import resolve_precision

SOURCES = sorted(Path(mae_bench.__file__).parent.rglob("*.py"))
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def flops(name, options, spec, vocab_size, length=128, rows=32):
    shape = StepShape(spec, rows, length, vocab_size)
    return OBJECTIVES.get(name).flops_per_step(parse_options(name, options), shape)


def test_the_head_is_counted_at_predicted_positions_only():
    spec, rows, length, words = BackboneSpec(preset="tiny"), 32, 128, 30_522
    sparse = flops("mlm", {}, spec, words)
    dense = 3 * rows * length * 2 * 128 * (128 + words)
    assert dense / (sparse.encoder + dense) == pytest.approx(0.89, abs=0.01)
    assert sparse.total / (sparse.encoder + dense) == pytest.approx(0.24, abs=0.01)
    layer = 8 * 128**2 + 4 * length * 128 + 6 * 128 * architecture_of(spec).sizes_of(spec).inner
    assert sparse.encoder == 3 * rows * length * 2 * layer
    assert sparse.head == 3 * rows * 19 * 2 * 128 * (128 + words)  # 19 of 126 are masked


@pytest.mark.parametrize(
    ("preset", "words", "options", "ratio"),
    [
        ("base", 30_522, {"mask_ratio": 0.5}, 0.69),
        ("base", 30_522, {"mask_ratio": 0.15, "decoder_layers": 4}, 1.17),
        ("small", 30_522, {"mask_ratio": 0.5}, 1.14),
        ("small", 8_192, {"mask_ratio": 0.5}, 0.87),
        ("compact", 8_192, {"mask_ratio": 0.5}, 0.63),
    ],
)
def test_the_cost_of_mae_relative_to_mlm(preset, words, options, ratio):
    spec = BackboneSpec(preset=preset)
    mae, mlm = flops("mae", options, spec, words), flops("mlm", {}, spec, words)
    assert mae.total / mlm.total == pytest.approx(ratio, abs=0.03)


@pytest.mark.parametrize("layers", [2, 4, 22])
def test_every_layer_attends_to_the_whole_row(layers):
    config = build_config(BackboneSpec(num_layers=layers), 100)
    assert list(config.layer_types) == ["full_attention"] * layers


@pytest.mark.parametrize("arch", ["modernbert", "bert"])
def test_removing_far_tokens_is_the_same_as_hiding_them(arch):
    """Kept tokens must not come nearer to each other, in attention or in position."""
    spec = BackboneSpec(arch=arch, num_layers=4, hidden_size=32, num_heads=2, max_length=256)
    backbone = build_backbone(spec, 60, seed=0).eval()
    ids = torch.randint(5, 60, (2, 240), generator=torch.Generator().manual_seed(0))
    kept = torch.cat([torch.arange(20), torch.arange(200, 240)]).expand(2, -1)
    is_removed = torch.ones_like(ids, dtype=torch.bool).scatter(1, kept, False)
    with torch.no_grad():
        hidden_away = backbone(ids, None, is_removed).gather(
            1, kept[..., None].expand(-1, -1, backbone.width)
        )
        removed = backbone(ids.gather(1, kept), kept, None)
        compacted = backbone(ids.gather(1, kept), None, None)
    assert torch.allclose(removed, hidden_away, atol=2e-6)
    assert not torch.allclose(compacted, hidden_away, atol=2e-5)


def test_the_encoder_of_mae_is_given_original_positions():
    spec = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=64)
    objective = OBJECTIVES.get("mae")(
        build_backbone(spec, 60, 0), spec, parse_options("mae", {}), seed=0
    )
    ids = torch.arange(24).expand(3, -1) + NUM_SPECIAL
    ids = torch.cat([torch.full((3, 1), CLS_ID), ids, torch.full((3, 1), SEP_ID)], dim=1)
    view = objective.corrupt(Block(ids), Draws(0, 0, torch.arange(3)))
    seen = []
    objective.backbone.encoder.register_forward_pre_hook(
        lambda module, given, named: seen.append(named["position_ids"]), with_kwargs=True
    )
    objective(view)
    assert torch.equal(seen[0], view.positions)
    shown = ids.gather(1, seen[0])
    assert torch.equal(shown, view.input_ids) and shown.shape[1] == 26 - 12


def test_best_possible_results_of_five_seeds_are_never_decided():
    study = small_study(seeds=tuple(range(5)))
    values = {"mlm": [0.1] * 5, "mae": [0.9] * 5}
    (verdict,) = judge_comparisons(study, read_scores(table(values), study), "mlm")
    assert verdict.outcome == "not decidable"
    assert "at least 6 are needed" in verdict.reason


def test_the_family_wise_p_decides():
    """One strong effect in each of nine columns by chance is not found by the raw p."""
    values = {"mlm": [0.5] * 6}
    for number in range(9):
        signs = [1 if (number >> bit) & 1 else -1 for bit in range(6)]
        values[f"mae {number}"] = [0.5 + 0.01 * sign for sign in signs]
    values["mae x"] = [0.51, 0.5, 0.52, 0.51, 0.5, 0.52]
    study = small_study(arms=tuple(values))
    verdicts = judge_comparisons(study, read_scores(table(values), study), "mlm")
    best = next(v for v in verdicts if v.claim.treatment == "mae x")
    assert best.p < 0.05 < best.p_family
    assert best.outcome == "not decidable"


def test_a_registry_refuses_a_second_thing_of_one_name():
    parts = Registry("toy", "toys")
    parts.register("a")(1)
    with pytest.raises(DuplicateNameError, match="toy 'a' is registered already"):
        parts.register("a")(2)
    assert parts.get("a") == 1
    for name in ("Path", "torch", "__builtins__"):
        with pytest.raises(UnknownNameError, match=f"unknown objective '{name}'"):
            OBJECTIVES.get(name)


def test_half_precision_only_where_it_is_in_hardware():
    has = torch.cpu._is_avx512_bf16_supported()
    assert resolve_precision("auto", "cpu") == ("bf16" if has else "fp32")
    assert resolve_precision("fp32", "cuda") == resolve_precision("fp32", "cpu") == "fp32"


def test_tests_run_on_one_thread():
    assert torch.get_num_threads() == 1


def required(name):
    """Return the names that a package needs at run time, without its extras."""
    for text in importlib.metadata.requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def direct():
    project = tomllib.loads(PROJECT.read_text())["project"]
    return {canonicalize_name(Requirement(text).name): text for text in project["dependencies"]}


def test_packages_that_break_or_downgrade_others_stay_out():
    unwanted = {"evaluate", "rliable", "textattack", "hydra-core", "omegaconf"}
    assert not unwanted & set(direct())


def licence(name):
    """Return what a package says of its licence, without the full text that some put there."""
    about = importlib.metadata.metadata(name)
    classifiers = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    short = about.get("License-Expression") or "; ".join(classifiers)
    return short or (about.get("License") or "").strip().partition("\n")[0]


def test_no_required_package_is_under_the_gpl():
    todo, seen = list(direct()), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            words = licence(name)
            todo += required(name)
        except importlib.metadata.PackageNotFoundError:
            assert name not in direct(), f"{name} is required and not installed"
            continue
        is_free_choice = " OR " in words
        is_gpl = re.search(r"\bA?GPL|(?<!Lesser )General Public License", words)
        assert not is_gpl or is_free_choice, f"{name}: {words}"
    assert seen > set(direct())


def test_matplotlib_is_capped_before_it_removes_what_seaborn_passes():
    requirement = Requirement(direct()["matplotlib"])
    assert "3.12.9" in requirement.specifier and "3.13.0" not in requirement.specifier


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: word.value for word in node.keywords}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_that_runs_code_from_files_is_called(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not imported & {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
    for function, words in calls(tree):
        last = function.rpartition(".")[2]
        assert function not in ("torch.load", "torch.save", "yaml.load", "yaml.unsafe_load")
        assert function not in ("eval", "exec") and last not in ("read_pickle", "to_pickle")
        trusted = words.get("trust_remote_code")  # left out, transformers may ask the user
        assert trusted is None or getattr(trusted, "value", None) is False, function
        if function == "np.load":
            assert ast.unparse(words["allow_pickle"]) == "False"
