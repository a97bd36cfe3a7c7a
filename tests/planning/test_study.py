"""A study's short forms, overrides and scales; each wrong input answers in one sentence."""

import pytest

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.planning.packaged import suites
from mae_bench.planning.study import load_study, study_of
from mae_bench.sentences import study_keys
from mae_bench.specs import ArmSpec, NoiseSpec, Study

BASE = """\
name: fight
corpus: {sources: [world], tokens: 20_000}
pretrain: {budget: {tokens: 1_000}, peak_lr: 2e-3}
objectives:
  - random_init
  - mlm: {mask_ratio: [0.15, 0.4]}
  - mae
  - distill: {teacher: "mlm mask_ratio=0.15"}
tasks: [world/topic]
seeds: 3
scales:
  large: {pretrain: {budget: {steps: 7}}, backbone: {preset: compact}}
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "fight.yaml"
    file.write_text(BASE)
    return file


def test_short_forms_expand(path):
    study = load_study(path)
    assert [arm.label for arm in study.objectives] == [
        "random_init",
        "mlm mask_ratio=0.15",
        "mlm mask_ratio=0.4",
        "mae",
        "distill",
    ]
    assert study.seeds == (0, 1, 2)
    assert study.pretrain.peak_lr == 0.002  # YAML 1.1 would read 2e-3 as a text
    assert study.noise == (NoiseSpec(),)


@pytest.mark.parametrize("text", ["2e-3", "2.e-3", "2.0e-3", ".002", "0.002", "20e-4", "+2E-3"])
def test_every_way_to_write_a_float(path, text):
    assert load_study(path, [f"pretrain.peak_lr={text}"]).pretrain.peak_lr == 0.002


def test_scalars_stand_for_lists_of_one(path):
    study = load_study(path, ["train_sizes=100", "tasks=world/topic", "noise=clean"])
    assert study.train_sizes == (100,)
    assert study.tasks == ("world/topic",)


def test_lists_of_noise_expand(path):
    study = load_study(
        path, ["noise=[clean, {typos: {rate: [0.1, 0.2], where: both}}, {typos: .3}]"]
    )
    assert study.noise == (
        NoiseSpec(),
        NoiseSpec(name="typos", rate=0.1, where="both"),
        NoiseSpec(name="typos", rate=0.2, where="both"),
        NoiseSpec(name="typos", rate=0.3),
    )


def test_a_label_is_kept_and_made_distinct(path):
    study = load_study(path, ["objectives=[mlm, {mlm: {label: more, mask_ratio: [0.3, 0.5]}}]"])
    labels = [arm.label for arm in study.objectives]
    assert labels == ["mlm", "more mask_ratio=0.3", "more mask_ratio=0.5"]


def test_an_option_left_out_differs_from_one_given(path):
    study = load_study(path, ["objectives=[mae, {mae: {mask_ratio: 0.5, decoder_layers: 2}}]"])
    assert [a.label for a in study.objectives] == ["mae", "mae mask_ratio=0.5 decoder_layers=2"]


def test_overrides_reach_into_lists_and_come_last(path):
    study = load_study(
        path, ["objectives.2={mae: {mask_ratio: 0.3}}", "backbone.preset=mini"], scale="large"
    )
    assert study.objectives[3] == ArmSpec(objective="mae", options={"mask_ratio": 0.3}, label="mae")
    assert study.backbone.preset == "mini"


def test_a_scale_or_override_replaces_a_budget_whole(path):
    assert load_study(path, scale="large").pretrain.budget.steps == 7
    assert load_study(path, ["pretrain.budget.flops=1e12"]).pretrain.budget.flops == 1e12
    assert load_study(path, scale="large").pretrain.peak_lr == 0.002


def test_a_stored_study_loads_again(path):
    study = load_study(path, ["noise=[clean, {typos: 0.1}]"])
    assert study_of(study.model_dump(mode="json")) == study


def test_a_text_file_may_lie_beside_the_study(path):
    (path.parent / "words.txt").write_text("words")
    study = load_study(path, ["corpus.sources=words.txt"])
    assert study.corpus.sources == (str(path.parent / "words.txt"),)


def test_packaged_studies_are_found_by_name():
    assert "quickstart" in suites()
    assert load_study("quickstart").name == "quickstart"


def test_every_packaged_study_loads():
    for path in suites().values():
        assert isinstance(load_study(path), Study)


WRONG = {
    "bakbone.preset=tiny": ("unknown key 'bakbone'", "Did you mean 'backbone'?"),
    "pretrain.peek_lr=1e-3": ("unknown key 'peek_lr' in pretrain", "Did you mean 'peak_lr'?"),
    "backbone.preset=tinny": ("unknown preset 'tinny'", "Did you mean 'tiny'?"),
    "backbone.arch=brt": (
        "backbone.arch: unknown backbone 'brt'; known: bert, bilstm, gru, modernbert.",
        "Did you mean 'bert'?",
    ),
    "corpus.validation_ratio=1.5": ("corpus.validation_ratio", "in (0, 1), got 1.5"),
    "train_sizes=[1.5]": ("train_sizes[0]", "'all', got 1.5"),
    "train_sizes=[100, 100]": ("train_sizes holds 100 twice",),
    "seeds=1000000": ("seeds must be a count of at most 1000", "got 1000000"),
    "finetune.learning_rates=[-0.1]": ("finetune.learning_rates[0]", "got -0.1"),
    "linear_probe.inverse_penalties=[0]": ("linear_probe.inverse_penalties[0]", "got 0"),
    "seeds=0": ("seeds must be a count of at least 1", "got 0"),
    "seeds=[1, 1]": ("seeds holds 1 twice",),
    "tasks=[]": ("tasks must be a list of at least 1",),
    "name=Big Fight": ("name must be a text", "got 'Big Fight'"),
    "pretrain.budget={tokens: 1, steps: 3}": ("exactly one of tokens, steps, flops, seconds",),
    "pretrain.batch_rows=many": ("pretrain.batch_rows must be a whole number", "got 'many'"),
    "claims=[{sentence: x}]": ("claims[0].treatment is missing",),
    "noise=[{typos: {rate: 3}}]": ("noise[0].rate", "in [0, 1], got 3"),
    "objectives=[mlm, mlm]": ("the arm label 'mlm' occurs twice", "objectives[1]"),
    "objectives=[{mlm: {}, mae: {}}]": ("objectives[0]", "2 keys (mlm, mae)"),
    "objectives=[{mlm: {label: majority class}}]": ("is reserved for a floor",),
    "objectives=mlm": ("objectives must be a list",),
    "objectives.9=mae": ("not a place in the list objectives, which has 4",),
    "name.first=x": ("name is 'fight', which has no fields",),
    "peak_lr": ("--set must be path.to.field=value, got 'peak_lr'",),
    "seeds=[1": ("not valid YAML",),
}


@pytest.mark.parametrize("override", WRONG)
def test_wrong_input_is_answered_in_one_sentence(path, override):
    with pytest.raises(SpecError) as caught:
        load_study(path, [override])
    text = str(caught.value)
    assert "\n" not in text
    for part in WRONG[override]:
        assert part in text


def test_the_line_is_named(path):
    path.write_text(BASE.replace("peak_lr", "peek_lr"))
    with pytest.raises(SpecError, match=r"fight\.yaml, line 3: unknown key 'peek_lr'"):
        load_study(path)


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("name: a\nobjectivs: [mlm]\ntasks: [sst2]\n", "objectivs'", "objectives"),
        ("name: a\nobjectivs: mlm\nseeds: 0\ntasks: 3\n", "objectivs'", "objectives"),
        ("objectives: mlm\ntask: [sst2]\nname: a\n", "task'", "tasks"),
        (
            "name: a\nbackbone: {num_layers: x, hiden_size: 3}\nobjectives: [mlm]\ntasks: [sst2]\n",
            "hiden_size' in backbone",
            "hidden_size",
        ),
        (
            "claims: [{sentence: s, treatment: mae,\n  contrl: mlm}]\nname: a\n"
            "objectives: [mlm, mae]\ntasks: [sst2]\n",
            "contrl' in claims[0]",
            "control",
        ),
    ],
)
def test_a_misspelt_key_is_reported_before_what_is_missing_for_it(path, text, key, meant):
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_study(path)
    assert f"line 2: unknown key '{key}; allowed: " in str(caught.value)
    assert f"Did you mean '{meant}'?" in str(caught.value)


def test_a_key_that_is_left_out_is_missing(path):
    path.write_text("name: a\ntasks: [sst2]\n")
    with pytest.raises(SpecError, match="objectives is missing"):
        load_study(path)


def test_a_repeated_key_is_an_error_with_both_lines(path):
    path.write_text(BASE + "name: again\n")
    with pytest.raises(SpecError, match="'name' occurs twice, in lines 1 and 13"):
        load_study(path)


def test_yaml_that_is_none_names_its_line(path):
    path.write_text("name: [1, 2\nseeds: 3\n")
    with pytest.raises(SpecError, match="line 2: not valid YAML"):
        load_study(path)


def test_python_tags_are_refused(path):
    path.write_text("name: !!python/object/apply:os.system ['true']\n")
    with pytest.raises(SpecError, match=r"line 1 holds a value of the YAML kind 'python/object"):
        load_study(path)


def test_unknown_scale_and_study(path):
    with pytest.raises(SpecError, match=r"unknown scale 'lage'.*Did you mean 'large'"):
        load_study(path, scale="lage")
    with pytest.raises(UnknownNameError, match=r"no study 'quickstar'.*Did you mean 'quickstart'"):
        load_study("quickstar")
    with pytest.raises(SpecError, match="is a folder"):
        load_study(path.parent)


def test_every_key_of_a_study_is_listed_with_its_default():
    keys = {line["name"]: line for line in study_keys(Study)}
    assert keys["finetune.epochs"] == {
        "name": "finetune.epochs",
        "allowed": "a whole number of at least 1",
        "default": "3",
        "meaning": "passes over the training set.",
    }
    assert keys["name"]["default"] == "required"
    assert keys["control"]["default"] == "null"
    assert keys["claims[].margin"]["default"] == "0.0"
    assert {path.partition(".")[0].removesuffix("[]") for path in keys} == set(Study.model_fields)


def test_a_scale_that_is_not_asked_for_is_checked_too(tmp_path):
    path = tmp_path / "x.yaml"
    scales = "{gpu: {sedes: 9}}"
    path.write_text(f"name: x\nobjectives: [mlm]\ntasks: [world/topic]\nscales: {scales}\n")
    with pytest.raises(SpecError, match=r"scale 'gpu'.*unknown key 'sedes'.*Did you mean 'seeds'"):
        load_study(path)


@pytest.mark.parametrize("scales", ["3", "{gpu: 3}", "[gpu]"])
def test_scales_that_are_no_mappings_are_refused(tmp_path, scales):
    path = tmp_path / "x.yaml"
    path.write_text(f"name: x\nobjectives: [mlm]\ntasks: [world/topic]\nscales: {scales}\n")
    with pytest.raises(SpecError, match="scales must map names to fields of the study, got"):
        load_study(path, scale="gpu")
