"""The floors that learn from the corpus: they judge what `score` judges, without a network."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scored_cases import VOCABULARY, save_arm, scored_spec, scored_task
from test_protocols_contract import save_task

from mae_bench.data.tokenizer import CLS, PAD, SEP, load_tokenizer
from mae_bench.errors import SpecError
from mae_bench.measures import measure_of
from mae_bench.progress import silent
from mae_bench.protocols.base import PROTOCOLS, evaluate
from mae_bench.protocols.ngram_floors import NgramScorer
from mae_bench.protocols.ngram_model import NgramModel
from mae_bench.specs import CLEAN, NoiseSpec, ScoreRecipe

NOISES = (CLEAN, NoiseSpec(name="typos", rate=0.3))
CORPUS = ["the river a", "a b c", "the rivers .", "the the river", "b c a a", "as bc c ."]


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A tokenizer, and the corpus in its tokens as a study prepares it."""
    folder = tmp_path_factory.mktemp("learned")
    tokenizer = save_arm(folder / "arm", "mlm")
    encode = load_tokenizer(tokenizer)
    rows = np.full((len(CORPUS), 12), PAD, dtype=np.uint16)
    for row, text in zip(rows, CORPUS, strict=True):
        ids = encode(text, add_special_tokens=False)["input_ids"]
        row[: len(ids) + 2] = [CLS, *ids, SEP]
    corpus = folder / "blocks"
    corpus.mkdir()
    np.save(corpus / "rows.npy", rows)
    np.save(corpus / "validation.npy", rows[:0])
    numbers = dict.fromkeys(("num_tokens", "unigram_entropy", "num_documents", "num_dropped"), 1)
    meta = {"row_length": 12, "vocab_size": len(VOCABULARY), "has_pads": True, **numbers}
    (corpus / "meta.json").write_text(json.dumps(meta))
    return {"corpus": corpus, "tokenizer": tokenizer}


def run(name, data, learned, folder, **changes):
    if not (folder / "task").exists():
        save_task(data, folder / "task")
    out = folder / f"out{len(list(folder.iterdir()))}"
    spec = scored_spec(data).model_copy(update={"protocol": name, "test_noises": NOISES, **changes})
    evaluate(
        spec,
        checkpoint=None,
        task=folder / "task",
        out=out,
        device="cpu",
        progress=silent,
        learned=learned,
    )
    metrics = json.loads((out / "metrics.json").read_text())
    return metrics, pd.read_parquet(out / "predictions.parquet")


@pytest.mark.parametrize("name", ["unigram", "trigram"])
@pytest.mark.parametrize("kind", ["language_model", "minimal_pair"])
def test_results_are_complete_and_repeat_whatever_the_seed(name, kind, learned, tmp_path):
    data = scored_task(kind)
    metrics, predictions = run(name, data, learned, tmp_path)
    assert (metrics["n_train"], metrics["n_test"], metrics["flops"]) == (0, 6, None)
    for result in metrics["results"]:
        assert all(measure_of(metric) for metric in result["metrics"])
    measure = "pseudo" if name == "unigram" else "causal"
    wanted = f"{measure}_bits_per_character" if kind == "language_model" else "accuracy"
    assert all(wanted in result["metrics"] for result in metrics["results"])
    again, _ = run(name, data, learned, tmp_path, seed=3, test_noises=(CLEAN,))
    assert again["results"][0] == metrics["results"][0]
    assert set(predictions["noise"]) == {noise.label for noise in NOISES}


@pytest.mark.parametrize("order", [1, 3])
def test_a_text_costs_what_its_tokens_cost(order, learned):
    scorer = NgramScorer(learned["corpus"], learned["tokenizer"], order, ScoreRecipe())
    encode = load_tokenizer(learned["tokenizer"])
    rows = np.load(learned["corpus"] / "rows.npy")
    model = NgramModel(rows, order, len(VOCABULARY))
    texts = ["the river a", "river the zzz", "", "a", "the river a"]
    expected = [
        math.fsum(model.log_probabilities(np.array(ids, dtype=np.int64)))
        for ids in encode(texts, add_special_tokens=False)["input_ids"]
    ]
    assert scorer.log_likelihoods(texts).tolist() == expected
    assert scorer.unknown == 1 and expected[2] == 0.0


def test_the_unigram_names_the_commonest_token_for_every_hidden_word(learned):
    scorer = NgramScorer(learned["corpus"], learned["tokenizer"], 1, ScoreRecipe())
    seen = scorer.recover(["the river a rivers", "the the the"], 0.99)
    # of two that are as common it is the first id
    counts = {word: sum(text.split().count(word) for text in CORPUS) for word in ("the", "a")}
    assert counts == {"the": 4, "a": 4}
    assert (seen.hidden, seen.read) == (7, 7) and seen.right == 1


def test_a_longer_text_is_asked_for_its_first_words(learned):
    recipe = ScoreRecipe(max_length=4)
    scorer = NgramScorer(learned["corpus"], learned["tokenizer"], 1, recipe)
    seen = scorer.recover(["a b c the a"], 0.99)
    assert (seen.read, seen.hidden) == (2, 2)


def test_a_length_at_which_no_arm_reads_a_token_is_refused(learned):
    with pytest.raises(SpecError, match="max_length 2 leaves no room for text beside 2 special"):
        NgramScorer(learned["corpus"], learned["tokenizer"], 1, ScoreRecipe(max_length=2))


def test_both_are_floors_without_labels():
    for name in ("unigram", "trigram"):
        protocol = PROTOCOLS.get(name)
        assert not (protocol.needs_checkpoint or protocol.needs_labels or protocol.needs_scorer)
