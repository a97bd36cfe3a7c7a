"""Encoders from outside are fine-tuned as they were made: with their dropout and their segments."""

import numpy as np
import pytest
import torch
from small_blocks import BACKBONE, run_pretraining, write_blocks, write_tokenizer
from small_cases import save_encoder, small_spec, small_task
from transformers import BertConfig, BertModel

from mae_bench.data.encoders import sized_backbone
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.model.heads import PooledHead, TaskModel, segments_of
from mae_bench.pretraining.external import starting_backbone
from mae_bench.progress import silent
from mae_bench.protocols import finetune, strategies
from mae_bench.specs import BackboneSpec
from mae_bench.training.batching import load_tokenizer

SEP = 3


def save_bert(folder, vocab_size, *, types=2, dropout=0.1):
    """Write a BERT of others with large segment vectors beside a tokenizer that is there."""
    config = BertConfig(
        vocab_size=vocab_size, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, type_vocab_size=types,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(config, add_pooling_layer=False)
        torch.nn.init.normal_(model.embeddings.token_type_embeddings.weight)
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink(missing_ok=True)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def bert(tmp_path):
    folder = save_encoder(tmp_path)
    return save_bert(folder, len(load_tokenizer(folder)))


def test_segments_are_what_a_berts_tokenizer_gives():
    ids = torch.tensor([[2, 9, 8, 3, 7, 3, 0, 0], [2, 9, 3, 8, 8, 8, 8, 3]])
    assert segments_of(ids, SEP).tolist() == [
        [0, 0, 0, 0, 1, 1, 1, 1],
        [0, 0, 0, 1, 1, 1, 1, 1],
    ]


def test_a_pair_is_read_with_its_segments(bert):
    ids = torch.tensor([[2, 9, 8, 3, 7, 10, 3]])
    backbone = load_backbone(bert)
    head = PooledHead(backbone.width, 2, dropout=0.0, task="t", seed=0)
    model = TaskModel(backbone, head, SEP).eval()
    types = torch.tensor([[0, 0, 0, 0, 1, 1, 1]])
    theirs = BertModel.from_pretrained(bert, add_pooling_layer=False).eval()
    with torch.inference_mode():
        hidden = theirs(input_ids=ids, token_type_ids=types).last_hidden_state
        expected = head.linear(hidden.mean(1))
        outputs = model(ids, None)
        model.separator = None
        without = model(ids, None)
    torch.testing.assert_close(outputs, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(without, expected, atol=1e-3)


@pytest.mark.parametrize(("kind", "separator"), [("pair", SEP), ("classify", None)])
def test_fine_tunes_give_segments_to_pairs_alone(bert, monkeypatch, kind, separator):
    made = []

    class Recording(TaskModel):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(strategies, "TaskModel", Recording)
    data = small_task(kind)
    spec = small_spec("finetune", data, recipe={"min_steps": 1, "epochs": 1})
    finetune.run(spec, checkpoint=bert, task=data, device="cpu", progress=silent)
    assert [model.separator for model in made] == [separator]


def test_an_encoder_of_ours_has_no_segment_that_nothing_trained():
    spec = BACKBONE.model_copy(update={"arch": "bert"})
    assert not build_backbone(spec, 60, 0).has_segments
    assert not build_backbone(BACKBONE, 60, 0).has_segments


def drops(backbone):
    """Return whether an encoder in training mode reads a text another way each time."""
    ids = torch.arange(5, 25)[None]
    backbone.train()
    return not torch.equal(backbone(ids), backbone(ids))


@pytest.mark.parametrize(("dropout", "is_dropping"), [(None, True), (0.0, False), (0.3, True)])
def test_an_encoder_keeps_its_own_dropout_unless_the_study_says_otherwise(
    tmp_path, dropout, is_dropping
):
    write_blocks(tmp_path / "blocks")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    write_tokenizer(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (theirs / name).write_bytes((tmp_path / name).read_bytes())
    save_bert(theirs, 60)
    given = {"checkpoint": str(theirs)} | ({} if dropout is None else {"dropout": dropout})
    spec = sized_backbone(BackboneSpec(**given), theirs)
    assert drops(starting_backbone(spec, theirs, tmp_path)) == is_dropping
    left = run_pretraining(tmp_path, "random_init", backbone=spec, encoder=theirs)
    assert drops(load_backbone(left)) == is_dropping, "what fine-tunes load"
    wanted = 0.1 if dropout is None else dropout
    assert load_backbone(left).config.hidden_dropout_prob == wanted


def test_a_zero_written_out_is_what_leaving_it_out_means():
    assert BackboneSpec(dropout=0.0) == BackboneSpec() and BackboneSpec().dropout_ratio == 0.0
    assert BackboneSpec(dropout=0.0).canonical() == BackboneSpec().canonical()
    own, none = BackboneSpec(checkpoint="x"), BackboneSpec(checkpoint="x", dropout=0.0)
    assert own != none and own.canonical() != none.canonical()


def test_a_fine_tune_trains_with_the_encoders_dropout(tmp_path):
    losses = []
    for dropout in (0.0, 0.5):
        folder = tmp_path / str(dropout)
        folder.mkdir()
        data = small_task("classify")
        encoder = save_encoder(folder, dropout=dropout)
        spec = small_spec("finetune", data, recipe={"dropout": 0.0, "min_steps": 8})
        result = finetune.run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)
        losses.append(result.trials[0].loss)
    assert not np.isclose(*losses, atol=1e-6)
