"""`corpus.tokenizer.from` in a study: what is refused, ids, stages, and a plan's sizes."""

import json
from dataclasses import replace

import pytest
from outside_encoders import edit, save_bert

from mae_bench.data.adopt_tokenizer import num_tokens
from mae_bench.errors import SpecError
from mae_bench.planning.estimate import estimate
from mae_bench.planning.plan import make_plan
from mae_bench.planning.stage_kinds import STAGE_KINDS
from mae_bench.planning.study import load_study, study_of
from mae_bench.progress import silent
from mae_bench.runner.completion import mark_finished, num_finished, plan_key
from mae_bench.runner.stages import Settings, run_stage
from mae_bench.sentences import study_keys
from mae_bench.specs import Study
from mae_bench.store.store import Store

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = f"owner/name@{COMMIT}"
STUDY = """\
name: second
backbone: {{num_layers: 1, hidden_size: 32, num_heads: 2, arch: bert, max_length: 32}}
corpus: {{tokens: 20_000, row_length: 32, tokenizer: {tokenizer}}}
objectives: [mlm]
tasks: [world/topic]
seeds: 1
scales:
  other: {{corpus: {{tokenizer: {{from: {hub}}}}}}}
"""


def written(tmp_path, tokenizer):
    path = tmp_path / "second.yaml"
    path.write_text(STUDY.format(tokenizer=tokenizer, hub=HUB))
    return path


def planned(tmp_path, tokenizer):
    return make_plan(load_study(written(tmp_path, tokenizer)), None)


def only(plan, kind):
    (stage,) = (stage for stage in plan.stages if stage.kind == kind)
    return stage


@pytest.mark.parametrize("field", ["kind: bpe", "vocab_size: 2048"])
def test_what_trains_a_tokenizer_is_refused_beside_it(tmp_path, field):
    name = field.partition(":")[0]
    words = rf"line 3: corpus\.tokenizer: 'from' takes the tokenizer of '{HUB}' .* got {name} bes"
    with pytest.raises(SpecError, match=words):
        load_study(written(tmp_path, f"{{from: '{HUB}', {field}}}"))


@pytest.mark.parametrize("name", ["nowhere", "owner/name", "owner/name@main", "bert@" + COMMIT])
def test_neither_folder_nor_commit_is_refused(tmp_path, name):
    with pytest.raises(SpecError, match=rf"from must be a folder .*all 40 digits.*got '{name}'"):
        planned(tmp_path, f"{{from: '{name}'}}")


def test_a_folder_whose_tokenizer_cannot_be_used_is_refused_by_the_plan(tmp_path):
    with pytest.raises(SpecError, match=r"^corpus\.tokenizer\.from: '.*' holds no tokenizer\.json"):
        planned(tmp_path, f"{{from: '{tmp_path}'}}")
    encoder = save_bert(tmp_path / "theirs")

    def drop(content):
        del content["model"]["vocab"]["[MASK]"]
        content["added_tokens"].pop()

    edit(encoder, drop)
    with pytest.raises(SpecError, match=r"it lacks \[MASK\] for hidden tokens"):
        planned(tmp_path, f"{{from: '{encoder}'}}")


def test_other_keys_are_named_as_users_write_them(tmp_path):
    with pytest.raises(SpecError, match=r"unknown key 'form' .* kind, vocab_size, from.*'from'"):
        load_study(written(tmp_path, "{form: here}"))
    with pytest.raises(SpecError, match="unknown key 'origin'"):
        load_study(written(tmp_path, "{origin: here}"))
    with pytest.raises(SpecError, match=r"corpus\.tokenizer\.from must be a text .*, got 3"):
        load_study(written(tmp_path, "{from: 3}"))
    assert "corpus.tokenizer.from" in {key["name"] for key in study_keys(Study)}


def test_a_study_is_written_as_it_was_read(tmp_path):
    study = load_study(written(tmp_path, f"{{from: '{HUB}'}}"))
    dumped = json.loads(json.dumps(study.model_dump(mode="json")))
    assert dumped["corpus"]["tokenizer"] == {"from": HUB}
    assert study.corpus.canonical()["tokenizer"] == {"from": HUB}
    assert study_of(dumped) == study
    plain = load_study(written(tmp_path, "{kind: bpe}"))
    assert plain.model_dump()["corpus"]["tokenizer"] == {"kind": "bpe", "vocab_size": 2048}
    assert "tokenizer" not in plain.corpus.canonical()


def test_a_scale_replaces_what_trains_one(tmp_path):
    study = load_study(written(tmp_path, "{kind: bpe, vocab_size: 400}"), scale="other")
    assert study.corpus.tokenizer.origin == HUB


def test_the_file_is_in_the_ids_and_its_name_is_not(tmp_path):
    one, two = (save_bert(tmp_path / name) for name in ("one", "two"))
    other = save_bert(tmp_path / "other", scramble=True)
    plans = [planned(tmp_path, f"{{from: '{folder}'}}") for folder in (one, two, other)]
    for kind in ("tokenizer", "blocks"):
        first, same, changed = (
            {stage.id for stage in plan.stages if stage.kind == kind} for plan in plans
        )
        assert first == same != changed
    longer = load_study(written(tmp_path, f"{{from: '{one}'}}"), ["corpus.sources=wiki_en"])
    assert only(make_plan(longer, None), "tokenizer").id == only(plans[0], "tokenizer").id


@pytest.mark.parametrize(
    ("version", "tokenizer", "blocks"),
    [
        # as they were before a tokenizer could be taken from an encoder
        (1, "239e98ec4f4329fe", "b8d966bd381dce97"),
        # the same spec since the stage's version 2, which moves ids by the version alone
        (2, "4c69a2c198784012", "6a4998968d228674"),
    ],
)
def test_ids_of_trained_tokenizers_are_what_they_were(
    tmp_path, monkeypatch, version, tokenizer, blocks
):
    kind = STAGE_KINDS["tokenizer"]
    assert kind.version == 2
    kinds = {**STAGE_KINDS, "tokenizer": replace(kind, version=version)}
    monkeypatch.setattr("mae_bench.planning.stage.STAGE_KINDS", kinds)
    plan = planned(tmp_path, "{kind: wordpiece, vocab_size: 400}")
    assert {s.kind: s.id for s in plan.stages if s.kind in ("tokenizer", "blocks")} == {
        "tokenizer": tokenizer,
        "blocks": blocks,
    }


def test_a_hub_tokenizer_comes_with_its_encoder(tmp_path):
    study = load_study(written(tmp_path, f"{{from: '{HUB}'}}"), [f"backbone.checkpoint={HUB}"])
    plan = make_plan(study, None)
    fetched = only(plan, "teacher")
    assert only(plan, "tokenizer").needs == (fetched.key,)
    assert all(fetched.key in stage.needs for stage in plan.stages if stage.kind == "pretrain")


def flops(plan, store):
    costs = estimate(plan, store, "cpu")
    (cost,) = (arm.flops for arm in costs.arms if arm.label == "mlm")
    return cost, costs.disk_bytes, costs.assumptions


def flops_by_arm(plan, store):
    costs = estimate(plan, store, "cpu")
    return [arm.flops for arm in costs.arms if arm.label.startswith("mlm")], costs.assumptions


def test_the_plan_reckons_with_the_size_in_the_file(tmp_path):
    encoder = save_bert(tmp_path / "theirs")
    size, store = num_tokens(encoder), Store(tmp_path / "home")
    local = planned(tmp_path, f"{{from: '{encoder}'}}")
    asked = planned(tmp_path, f"{{vocab_size: {size}}}")
    assert flops(local, store) == flops(asked, store)
    hub = planned(tmp_path, f"{{from: '{HUB}'}}")
    _, _, (sentence,) = flops(hub, store)
    assert "a vocabulary of 30,522 tokens" in sentence and HUB in sentence
    assumed = planned(tmp_path, "{vocab_size: 30522}")
    assert flops(hub, store)[0] == flops(assumed, store)[0]
    store.open()
    with store.build(*only(hub, "teacher").key, {}) as out:  # as if fetched
        save_bert(out)
    assert flops(hub, store)[0] == flops(local, store)[0] and not flops(hub, store)[2]
    run_stage(only(hub, "tokenizer"), store, Settings(), silent)
    store.remove(*only(hub, "teacher").key)
    assert flops(hub, store)[0] == flops(local, store)[0]


def test_each_tokenizer_of_a_grid_has_its_own_size(tmp_path):
    store = Store(tmp_path / "home").open()
    other = HUB.replace("name", "other")
    plan = planned(tmp_path, f"{{from: ['{HUB}', '{other}']}}")
    first, second = flops_by_arm(plan, store)[1]
    assert HUB in first and other in second
    fetched, _ = (stage for stage in plan.stages if stage.kind == "teacher")
    with store.build(*fetched.key, {}) as out:  # as if fetched
        size = num_tokens(save_bert(out))
    (small, assumed), (sentence,) = flops_by_arm(plan, store)
    assert other in sentence
    for words, got in ((size, small), (30_522, assumed)):
        assert flops(planned(tmp_path, f"{{vocab_size: {words}}}"), store)[0] == got


def test_a_local_tokenizer_is_always_looked_at_again(tmp_path):
    encoder = save_bert(tmp_path / "theirs")
    store = Store(tmp_path / "home").open()
    num_stages = []
    for tokenizer in (f"{{from: '{encoder}'}}", "{kind: bpe}"):
        study = load_study(written(tmp_path, tokenizer))
        folder = store.study(study.name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.parquet").touch()
        mark_finished(store, study, plan_key(study, None), [])
        num_stages.append(num_finished(store, study, None))
    assert num_stages == [None, 0]
