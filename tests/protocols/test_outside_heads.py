"""An outside encoder's own head against transformers' logits, one text and one token at a time."""

import dataclasses

import numpy as np
import pytest
import torch
from family_encoders import FAMILIES, save_family
from safetensors.torch import load_file, save_file
from small_cases import save_encoder, small_spec, small_task
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from mae_bench.errors import SpecError
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.protocols.cloze import ClozeReader
from mae_bench.protocols.outside_head import open_outside_head
from mae_bench.protocols.token_scorer import TokenScorer
from mae_bench.specs import ScoreRecipe, ZeroShotRecipe

MASKED = ["bert", "roberta", "deberta-v2", "modernbert", "xlm-roberta", "electra"]
CAUSAL = {"gpt2": "LMHeadModel", "llama": "ForCausalLM", "qwen2": "ForCausalLM"}
CLOZES = {
    "small_pair": {
        "prompt": "{text} lo {mask} {text_b}",
        "words": {"other": "me du", "same": "ge"},
    },
    "small_classify": {
        "prompt": "{text} dure {mask}",
        "words": {"red": "lo", "green": "ge", "blue": "me"},
    },
}
TEXTS = ["the red house", "a", "", "Over the river, a house. [MASK] <mask>", "the red house " * 3]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Return the folder of a family with a head; made once."""
    made = {}

    def folder(family, head="ForMaskedLM"):
        if (family, head) not in made:
            made[family, head] = save_family(
                family, tmp_path_factory.mktemp(family) / "it", head=head
            )
        return made[family, head]

    return folder


def scorer_of(folder, **recipe):
    return TokenScorer(folder, ScoreRecipe(max_length=60, **recipe), "cpu")


def log_probabilities(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)


def framed(tokenizer, text):
    """Return a text's ids in the tokenizer's frame, and the positions of its own."""
    ids = tokenizer(text, split_special_tokens=True)["input_ids"]
    own = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    start = next(n for n in range(len(ids) + 1) if ids[n : n + len(own)] == own)
    if not own:
        return ids, []
    return ids, list(range(start, start + len(own)))


@pytest.mark.parametrize("family", MASKED)
def test_a_text_costs_what_its_tokens_cost_hidden_one_by_one(family, encoders):
    folder = encoders(family)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    expected = []
    for text in TEXTS:
        ids, positions = framed(tokenizer, text)
        total = 0.0
        for p in positions:
            hidden = [*ids[:p], tokenizer.mask_token_id, *ids[p + 1 :]]
            total += float(log_probabilities(model, hidden)[p, ids[p]])
        expected.append(total)
    scorer = scorer_of(folder, batch_tokens=64)
    assert not scorer.is_left_to_right
    assert scorer.log_likelihoods(TEXTS) == pytest.approx(expected, rel=1e-4)
    assert scorer.head.model._can_spare, "a large vocabulary is not multiplied at every position"


@pytest.mark.parametrize("family", CAUSAL)
def test_from_left_to_right_a_text_costs_what_follows_from_what_was_read(family, encoders):
    folder = encoders(family, CAUSAL[family])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    first = tokenizer.bos_token_id if family == "llama" else tokenizer.eos_token_id
    expected = []
    for text in TEXTS:
        own = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        total = 0.0
        for end, token in enumerate(own):  # what comes later is not even there
            total += float(log_probabilities(model, [first, *own[:end]])[-1, token])
        expected.append(total)
    scorer = scorer_of(folder, batch_tokens=64)
    assert scorer.is_left_to_right
    assert scorer.log_likelihoods(TEXTS) == pytest.approx(expected, rel=1e-4)


def test_a_long_text_is_read_in_stretches_each_in_its_frame(encoders):
    folder = encoders("roberta")
    text = "the red house over the river"
    scorer = TokenScorer(folder, ScoreRecipe(max_length=5), "cpu")
    parts = scorer._stretches(text)
    own = scorer._tokenizer(text, add_special_tokens=False)["input_ids"]
    assert [list(part.ids[1:-1]) for part in parts] == [
        own[start : start + 3] for start in range(0, len(own), 3)
    ]
    assert {(part.ids[0], part.ids[-1]) for part in parts} == {(0, 2)}


def test_where_a_tokenizer_makes_nothing_of_letters_no_frame_is_told(tmp_path, monkeypatch):
    def chinese(names):
        signs = [*names, "\u6c34"]
        return Tokenizer(models.BPE({sign: n for n, sign in enumerate(signs)}, [])).to_str()

    kept = FAMILIES["bert"]
    monkeypatch.setitem(FAMILIES, "bert", (kept[0], chinese, *kept[2:]))
    head = scorer_of(save_family("bert", tmp_path / "it", head="ForMaskedLM")).head
    assert head.tokenizer("letters")["input_ids"] == head.tokenizer("")["input_ids"]
    assert (head.before, head.after) == ((), ()), "not all of it after a text"


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_a_gap_is_filled_by_what_the_head_expects_there(family, encoders):
    folder = encoders(family)
    data = small_task("pair", test=3)
    pairs = [["dure kobo", "ni", "lo zuno gomi."], ["temu", "vamo ni du", ""]]
    data = dataclasses.replace(data, test=dataclasses.replace(data.test, texts=tuple(pairs)))
    recipe = ZeroShotRecipe(clozes=CLOZES, max_length=60, precision="fp32")
    scores = ClozeReader(folder, recipe, data.task, "cpu").scores(data.test)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    cls, sep = tokenizer("")["input_ids"]

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    for row, (first, second) in enumerate(zip(*pairs, strict=True)):
        for label, words in enumerate(("me du", "ge")):
            word = ids(f" {words}")
            before = [cls, *ids(f" {first}"), *ids(" lo")]
            hidden = [tokenizer.mask_token_id] * len(word)
            table = log_probabilities(model, [*before, *hidden, *ids(f" {second}"), sep])
            each = [float(table[len(before) + n, token]) for n, token in enumerate(word)]
            assert scores[row, label] == pytest.approx(np.mean(each), rel=1e-4)


def test_the_protocol_names_the_class_of_the_likeliest_word(encoders):
    folder = encoders("bert")
    data = small_task("classify", selection=4, test=6)
    result = PROTOCOLS.get("zero_shot").run(
        small_spec("zero_shot", data, recipe={"clozes": CLOZES, "max_length": 60}),
        checkpoint=folder, task=data, device="cpu", progress=silent,
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    assert result.flops > 0
    for text, got in zip(data.test.texts[0], result.readings[0].predictions, strict=True):
        ids = tokenizer(f"{text} dure {tokenizer.mask_token}")["input_ids"]
        table = log_probabilities(model, ids)[ids.index(tokenizer.mask_token_id)]
        words = tokenizer.convert_tokens_to_ids(["lo", "ge", "me"])
        assert got == int(table[words].argmax())


def without(folder, out, part):
    """Return a copy of an encoder without the weights whose name holds ``part``."""
    out.mkdir()
    for path in folder.iterdir():
        (out / path.name).write_bytes(path.read_bytes())
    weights = load_file(out / "model.safetensors")
    kept = {name: value for name, value in weights.items() if part not in name}
    assert 0 < len(kept) < len(weights)
    save_file(kept, out / "model.safetensors", metadata={"format": "pt"})
    return out


@pytest.mark.parametrize(
    ("family", "part"),
    [("bert", "predictions.transform"), ("roberta", "lm_head"), ("electra", "generator")],
)
def test_a_head_whose_weights_are_in_no_file_is_refused(family, part, encoders, tmp_path):
    folder = without(encoders(family), tmp_path / "headless", part)
    with pytest.raises(SpecError, match=r"lacks weights of the head .* would be random: '.*name a"):
        scorer_of(folder)


def test_an_encoder_without_a_head_is_refused(tmp_path):
    folder = save_family("bert", tmp_path / "it")
    assert open_outside_head(folder, precision="fp32", device="cpu", max_length=60) is None
    with pytest.raises(SpecError, match=r"no head that names tokens; .*ForMaskedLM"):
        scorer_of(folder)
    recipe = ZeroShotRecipe(clozes=CLOZES, max_length=60)
    with pytest.raises(SpecError, match=r"no head that predicts hidden tokens; .*ForMaskedLM"):
        ClozeReader(folder, recipe, small_task("pair").task, "cpu")
    with pytest.raises(SpecError, match="no head that names tokens"):
        TokenScorer(save_encoder(tmp_path / "ours"), ScoreRecipe(max_length=32), "cpu")


def test_what_reads_from_left_to_right_fills_no_gap(encoders):
    recipe = ZeroShotRecipe(clozes=CLOZES, max_length=60)
    with pytest.raises(SpecError, match="no head that predicts hidden tokens"):
        ClozeReader(encoders("gpt2", "LMHeadModel"), recipe, small_task("pair").task, "cpu")


def test_a_head_for_next_tokens_that_sees_them_is_refused(tmp_path):
    folder = save_family("bert", tmp_path / "it", head="LMHeadModel", is_decoder=False)
    with pytest.raises(SpecError, match=r"depends on those after it, .*reads from left to right"):
        scorer_of(folder)
    scorer_of(save_family("bert", tmp_path / "causal", head="LMHeadModel", is_decoder=True))


@pytest.mark.parametrize(
    ("family", "head", "lacking", "message"),
    [
        ("bert", "ForMaskedLM", ["mask"], "has no mask token, by which"),
        ("gpt2", "LMHeadModel", ["bos", "eos"], "no token that begins or ends texts"),
    ],
)
def test_a_tokenizer_that_cannot_serve_is_refused(
    family, head, lacking, message, encoders, tmp_path, monkeypatch
):
    names = {k: v for k, v in FAMILIES[family][2].items() if k not in lacking}
    monkeypatch.setitem(FAMILIES, family, (*FAMILIES[family][:2], names, *FAMILIES[family][3:]))
    if family == "gpt2":
        names["pad"] = "<|endoftext|>"
    folder = save_family(family, tmp_path / "it", head=head)
    with pytest.raises(SpecError, match=message):
        scorer_of(folder)


def test_texts_longer_than_its_positions_are_refused(encoders):
    with pytest.raises(SpecError, match=r"max_length 63 .* above the 62 positions"):
        TokenScorer(encoders("roberta"), ScoreRecipe(max_length=63), "cpu")


def test_an_unknown_token_of_the_frame_is_none_of_the_text(tmp_path, monkeypatch):
    names = dict.fromkeys(("bos", "eos", "unk"), "<|endoftext|>")  # as GPT-2's tokenizer has it
    kept = FAMILIES["gpt2"]
    monkeypatch.setitem(FAMILIES, "gpt2", (*kept[:2], names, *kept[3:]))
    scorer = scorer_of(save_family("gpt2", tmp_path / "it", head="LMHeadModel"))
    assert scorer.head.before == (scorer.head.tokenizer.unk_token_id,)
    scorer.log_likelihoods(["the red house", "over the river"])
    assert scorer.unknown == 0, "bytes are all known"


@pytest.mark.parametrize(
    ("family", "head", "most", "beside"),
    [("bert", "ForMaskedLM", 2, "2 special tokens"), ("gpt2", "LMHeadModel", 1, "1 special token")],
)
def test_a_length_without_room_for_a_token_is_refused(family, head, most, beside, encoders):
    folder = encoders(family, head)
    with pytest.raises(SpecError, match=f"max_length {most} leaves no room .* {beside}; raise it"):
        TokenScorer(folder, ScoreRecipe(max_length=most), "cpu")
    scorer = TokenScorer(folder, ScoreRecipe(max_length=most + 1), "cpu")
    assert scorer.log_likelihoods(["the red house"])[0] < 0


def test_what_it_costs_is_counted_or_unknown(encoders):
    for family, is_known in (("bert", True), ("deberta-v2", False)):
        scorer = scorer_of(encoders(family))
        scorer.log_likelihoods(["the red house"])
        assert (scorer.head.flops is not None) == is_known
        assert scorer.head.flops is None or scorer.head.flops > 0
