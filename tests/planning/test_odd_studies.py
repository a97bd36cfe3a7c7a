"""Odd values anywhere in a study: a plan or one sentence, never another exception."""

import copy

import pytest
import yaml

from mae_bench.errors import MaeBenchError, SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study
from mae_bench.specs import CorpusSpec, FinetuneRecipe, RepresentationRecipe, Study

RICH = yaml.safe_load("""
name: odd
description: text
backbone: {preset: tiny, arch: modernbert, num_layers: 1, hidden_size: 32, num_heads: 2,
  mlp_ratio: 4.0, max_length: 64, dropout: 0.0}
corpus: {sources: [world], tokens: 20000, tokenizer: {kind: bpe, vocab_size: 400}, row_length: 32,
  validation_ratio: 0.02, seed: 0}
corpus_tokens: [10000, 20000]
pretrain: {budget: {steps: 40}, batch_rows: 8, peak_lr: 0.002, precision: fp32}
objectives:
  - random_init
  - mlm: {mask_ratio: [0.15, 0.4], label: many}
  - mae: {mask_ratio: {start: 0.5, end: 0.3, shape: step, num_levels: 3}, masking: {scheme: span}}
  - mixture: {parts: {mlm: {weight: 0.5, mask_ratio: 0.2}, simcse: {weight: 0.5}}}
  - phases: {steps: {mlm: 0.5, mae: {share: 0.5}}}
  - distill: {teacher: "many mask_ratio=0.15"}
  - {objective: causal, options: {keep_mask: true}, label: left, peak_lr: 0.001}
controls: false
tasks: [world/topic, corpus]
protocols: [finetune, linear_probe, representation]
train_sizes: [100, 0.5, all]
noise: [clean, {typos: {rate: [0.1, 0.2], where: both}}]
seeds: [0, 1]
repeats: pretraining
finetune: {learning_rates: [0.001], epochs: 1, max_length: 32}
linear_probe: {poolings: [mean], inverse_penalties: [1.0], max_length: 32}
representation: {num_rows: 64, objective_ratios: [0.15]}
control: mae
claims: [{sentence: it wins, treatment: mae, control: left, test: superiority, margin: 0.0,
  task: world/topic, protocol: finetune, train_size: 100, noise: clean}]
references: [{text: t, value: 1.0, letter: P, source: s,
  comparison: {treatment: mae, control: left}}]
expectation: text
tuning: {trials: 2, sampler: random, budget: {steps: 4}, tasks: [world/topic], train_size: 20}
""")
ODD = (
    "{{ x }}", "2024-01-01", "~nobody_at_all/x", "''", "null", "true", "0", "-1", "1e30", "2.5",
    ".nan", "'15'", "[]", "{}", "[null]", "[[1]]", "{a: 1}", "9223372036854775807", "!!set {a, b}",
    "[1, 1.0]", '"\\0"', "{label: 1}", "{objective: [1]}", "[true]", "100000", "{mlm: {weight: 1}}",
    "{scheme: 3}", "'mlm'", "[0.3, 0.3001]",
)  # fmt: skip
MARKER = "a_place_for_an_odd_value"


def nodes(value, path=()):
    """Yield the path of every node below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from nodes(item, (*path, key))


def with_odd(path, odd):
    """Return the rich study as YAML, with one node replaced."""
    study = copy.deepcopy(RICH)
    at = study
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = MARKER
    text = yaml.safe_dump(study, sort_keys=False, default_flow_style=True, width=2000)
    return text.replace(MARKER, odd)


NODES = list(nodes(RICH))


def test_the_rich_study_is_one(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(yaml.safe_dump(RICH))
    assert len(make_plan(load_study(path), None).cells) > 100


@pytest.mark.parametrize("start", range(4))
def test_an_odd_value_anywhere_is_a_plan_or_one_sentence(tmp_path, start):
    path = tmp_path / "s.yaml"
    for number, path_to in list(enumerate(NODES))[start::4]:
        odd = ODD[7 * number % len(ODD)]
        path.write_text(with_odd(path_to, odd))
        try:
            make_plan(load_study(path), None)
        except MaeBenchError as error:
            assert "\n" not in str(error), (path_to, odd)
        except Exception as error:
            raise AssertionError(f"{odd} at {path_to}") from error


HEAD = "name: odd\ntasks: [world/topic]\nobjectives: [mlm]\n"
TEXTS = {
    "a template": ("pretrain: {peak_lr: {{ lr }}}", "line 4 is a mapping.*template"),
    "a list as key": ("? [1, 2]\n: 3", "line 4 is a list"),
    "a set": ("seeds: !!set {0, 1}", "line 4 holds a value of the YAML kind 'set'"),
    "bytes": ("description: !!binary aGk=", "line 4 .*kind 'binary'"),
    "pairs": ("finetune: !!pairs [epochs: 1]", "line 4 .*kind 'pairs'"),
    "a tag that lies": ("seeds: !!int many", r"line 4 holds no value .*ValueError: many"),
    "a truth that is none": ("controls: !!bool maybe", "line 4 holds no value"),
    "a number without end": (f"seeds: {'9' * 5000}", "line 4 holds no value"),
    "a long number": (f"seeds: [{'9' * 30}]", "line 4 holds a whole number of 100 bits"),
    "half of a character": ('description: "\\uD83D"', "line 4 holds half of a character"),
    "an alias in itself": ("finetune: &a {epochs: *a}", "write that value out"),
    "aliases of aliases": (
        "".join(f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 9) if i else 1}]\n" for i in range(12)),
        "more than 100,000 values",
    ),
    "nested too deep": (f"seeds: {'[' * 1500}", "nested too deep|not valid YAML"),
    "a tab": ("finetune:\n\tepochs: 1", "line 5: not valid YAML .a tab.* indent by spaces"),
    "a control character": ("description: a\0b", "line 4: not valid YAML .*U.0000"),
    "two documents": ("---\nname: more", "line 4: not valid YAML .it holds several documents"),
    "a second colon": ("description: a: b", "line 4: .*a colon stands behind another"),
    "an open list": ("seeds: [1, 2", "a list in .* is not closed"),
    "a stray sign": ("seeds: ]", "line 4: .*a value is missing, or begins with a sign"),
    "an open quote": ("description: 'a", "a quote is not closed"),
    "another indent": ("  seeds: 1\n seed: 2", "not valid YAML .(this line|a colon)"),
    "no value": ("seeds:", "line 4: seeds.* got nothing"),
    "a key twice": ("name: again", "'name' occurs twice, in lines 1 and 4"),
    "true for a number": ("finetune: {epochs: true}", "line 4: .*a whole number.*got true"),
    "a number for true": ("controls: 1", "line 4: controls must be true or false, got 1"),
    "a text for a number": ("seeds: ['1']", r"line 4: seeds.* got \['1'\]"),
    "a date for a number": ("finetune: {epochs: 2024-01-01}", "line 4: .*got '2024-01-01'"),
    "no source": ("corpus: {sources: ['']}", r"line 4: corpus.sources\[0\] must be .*got ''"),
    "nobody": ("corpus: {sources: [~nobody_at_all/x.txt]}", "line 4: '~nobody_at_all/x.txt' names"),
    "empty scales": ("scales: {gpu: []}", "scales must map names"),
    "equal sizes": ("train_sizes: [100, 1e2]", "line 4: train_sizes holds 100 twice"),
    "equal seeds": ("seeds: [0, 0.0]", "line 4: seeds holds 0 twice"),
    "one label": (
        "noise: [{typos: {rate: [0.1001, 0.1002]}}]",
        r"line 4: noise holds 'typos' at the rates 0.1001 and 0.1002, which .*'typos 0.1 \(test\)'",
    ),
    "clean twice": ("noise: [{clean: {rate: 0.0}}, clean]", "line 4: noise holds clean twice"),
    "clean at a rate": ("noise: [{clean: 0.1}]", "line 4: noise.*takes no rate"),
    "a noise of no rate": ("noise: [{typos: {rate: []}}]", "line 4: noise 'typos' takes a rate"),
    "a name of a noise": ("noise: [{typos: {name: clean}}]", "line 4: noise 'typos' takes a rate"),
    "a share of all": ("train_sizes: [1.0]", "line 4: train_sizes.*got 1.0"),
    "one metric twice": (
        "representation: {objective_ratios: [0.15, 0.15000001]}",
        "line 4: .*must differ in their percents",
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_odd_yaml_is_one_sentence_with_its_line(tmp_path, case):
    text, message = TEXTS[case]
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}{text}\n")
    with pytest.raises(SpecError, match=message) as caught:
        load_study(path)
        make_plan(load_study(path), None)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


OBJECTIVES = {
    "{mlm: {label: 15, mask_ratio: [0.15, 0.4]}}": "a label must be a text, got 15",
    "{objective: [1]}": "objective must be a name, got",
    "{objective: mlm, options: [1]}": "options must be a mapping",
    "{mlm: {mask_ratio: []}}": "is empty",
    "{mlm: {mask_ratio: 2024-01-01}}": "got '2024-01-01'",
    "{distill: {teacher: ''}}": "unknown teacher ''",
    "{distill: {teacher: ~nobody_at_all/x}}": "names the home folder of a user",
    f"{{mlm: {{mask_ratio: {[i / 50 for i in range(1, 50)]}, random_share: {[0.1] * 50}}}}}": (
        "make 2,450 arms; at most 1000"
    ),
}


@pytest.mark.parametrize("item", OBJECTIVES)
def test_odd_objectives_are_one_sentence_with_their_line(tmp_path, item):
    path = tmp_path / "s.yaml"
    path.write_text(f"name: odd\ntasks: [world/topic]\nobjectives:\n  - mae\n  - {item}\n")
    with pytest.raises(SpecError) as caught:
        make_plan(load_study(path), None)
    assert OBJECTIVES[item] in str(caught.value)


def test_merge_keys_and_anchors_are_read(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(
        HEAD + "finetune: &f {epochs: 2, max_length: 32}\ncorpus: {row_length: &n 32}\n"
        "scales: {gpu: {finetune: {<<: *f, epochs: 5}, linear_probe: {max_length: *n}}}\n"
    )
    study = load_study(path, scale="gpu")
    assert (study.finetune.epochs, study.finetune.max_length) == (5, 32)
    assert study.linear_probe.max_length == 32


def test_keys_are_the_words_that_stand_there(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(HEAD + "scales: {on: {seeds: 7}, 2024: {seeds: 8}}\n", encoding="utf-8-sig")
    assert len(load_study(path, scale="on").seeds) == 7
    assert len(load_study(path, scale="2024").seeds) == 8


def test_a_whole_float_is_a_count_and_a_count_is_a_float():
    assert FinetuneRecipe(epochs=2.0, weight_decay=1).epochs == 2
    assert RepresentationRecipe(objective_ratios=[0.15, 0.5]).objective_ratios == (0.15, 0.5)
    assert CorpusSpec(sources=["a b"]).sources == ("a b",)
    with pytest.raises(ValueError):
        FinetuneRecipe(epochs=True)


@pytest.mark.parametrize("name", ["", "a" * 5000, "a\0b", "."])
def test_an_odd_name_of_a_study_is_one_sentence(name):
    with pytest.raises(SpecError, match=r"no study|is a folder"):
        load_study(name)


def test_a_name_fits_into_a_folder(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(HEAD.replace("odd", "a" * 101))
    with pytest.raises(SpecError, match="line 1: name must be a text of at most 100"):
        load_study(path)
    assert Study.model_fields["name"].metadata


def test_all_text_beside_other_sizes_is_refused(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text(yaml.safe_dump(RICH | {"corpus_tokens": [10_000, None]}))
    with pytest.raises(SpecError, match=r"corpus_tokens: null \(all text\) must stand alone"):
        make_plan(load_study(path), None)
