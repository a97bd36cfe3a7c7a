"""An encoder from outside is read once before anything else: what it lacks is one sentence."""

import json

import pytest
import torch
from family_encoders import save_family, save_tokenizer
from safetensors.torch import load_file, save_file
from small_cases import small_spec, small_task
from transformers import AutoModel, CLIPVisionConfig, CLIPVisionModel

from mae_bench.data.encoder_files import check_encoder_files, encoder_digest, unread_modules
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, load_backbone
from mae_bench.progress import silent
from mae_bench.protocols import finetune, linear_probe, outside_encoder
from mae_bench.protocols.outside_encoder import describe_encoder, require_files


def facts_of(folder, out):
    describe_encoder(folder, out)
    return json.loads((out / "encoder.json").read_text())


@pytest.mark.parametrize("family", ["bert", "roberta", "deberta-v2", "llama", "t5"])
def test_what_it_is_stands_beside_it(tmp_path, family):
    folder = save_family(family, tmp_path / "encoder")
    facts = facts_of(folder, tmp_path / "out")
    assert facts["architecture"] == family and facts["width"] == 32
    assert facts["files"] == encoder_digest(folder)
    size = load_backbone(folder).state_dict().values()
    assert facts["params_encoder"] == sum(value.numel() for value in size)
    assert any("no padding token" in note for note in facts["notes"]) == (family == "llama")
    assert any("puts no [CLS] first" in note for note in facts["notes"]) == (
        family in ("llama", "t5")
    )


def test_modules_behind_the_encoder_are_named(tmp_path):
    folder = save_family("bert", tmp_path / "encoder")
    types = [f"sentence_transformers.models.{n}" for n in ("Transformer", "Pooling", "Normalize")]
    (folder / "modules.json").write_text(json.dumps([{"type": name} for name in types]))
    assert unread_modules(folder) == ["Pooling", "Normalize"]
    (note,) = facts_of(folder, tmp_path / "out")["notes"]
    assert "Pooling, Normalize after the encoder are left out" in note


def without(folder, *names):
    for name in names:
        (folder / name).unlink()
    return folder


def test_an_encoder_without_a_tokenizer_is_refused(tmp_path):
    folder = without(save_family("bert", tmp_path / "e"), "tokenizer.json", "tokenizer_config.json")
    with pytest.raises(SpecError, match=r"has no tokenizer beside it.*save_pretrained"):
        check_encoder_files(folder)


def test_pickled_weights_are_refused(tmp_path):
    folder = without(save_family("bert", tmp_path / "e"), "model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(SpecError, match=r"no safetensors.*only pytorch_model.bin, which can run"):
        check_encoder_files(folder)


def test_a_folder_without_a_config_names_the_one_inside(tmp_path):
    save_family("bert", tmp_path / "e" / "0_Transformer")
    with pytest.raises(SpecError, match=r"config.json is missing.*inside it, 0_Transformer"):
        check_encoder_files(tmp_path / "e")


def test_a_tokenizer_larger_than_the_vocabulary_is_refused(tmp_path):
    folder = save_family("bert", tmp_path / "e")
    save_tokenizer("roberta", folder)
    with pytest.raises(SpecError, match=r"ids up to 399, and its encoder vectors for 300 tokens"):
        describe_encoder(folder, tmp_path / "out")


def test_weights_that_would_be_random_are_refused(tmp_path):
    folder = save_family("bert", tmp_path / "e")
    weights = load_file(folder / "model.safetensors")
    kept = {k: v for k, v in weights.items() if "layer.1.output" not in k and "pooler" not in k}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(SpecError, match=r"lacks weights .*layer.1.output.* more; write the whole"):
        load_backbone(folder)


def test_a_pooler_that_nobody_reads_may_lack(tmp_path):
    folder = save_family("bert", tmp_path / "e")
    weights = load_file(folder / "model.safetensors")
    kept = {k: v for k, v in weights.items() if "pooler" not in k}
    assert len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    load_backbone(folder)


def test_a_model_without_token_vectors_is_refused(tmp_path):
    folder = save_family("bert", tmp_path / "e")
    config = CLIPVisionConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        image_size=32, patch_size=16,
    )  # fmt: skip
    CLIPVisionModel(config).save_pretrained(folder)
    with pytest.raises(SpecError, match=r"no vector for each token of a text.*name an encoder"):
        describe_encoder(folder, tmp_path / "out")


def test_an_encoder_that_reads_padding_is_refused(tmp_path, monkeypatch):
    folder = save_family("bert", tmp_path / "e")

    class Unmasked(Backbone):
        def forward(self, input_ids, positions=None, is_pad=None, **options):
            return super().forward(input_ids, positions, None, **options)

    def load(folder):
        return Unmasked(AutoModel.from_pretrained(folder))

    monkeypatch.setattr(outside_encoder, "load_backbone", load)
    with pytest.raises(SpecError, match=r"although its padding is masked.*another encoder"):
        describe_encoder(folder, tmp_path / "out")


def test_files_that_changed_since_the_plan_are_refused(tmp_path):
    folder = save_family("bert", tmp_path / "e")
    files = encoder_digest(folder)
    assert require_files(folder, files) == folder
    (folder / "cost.json").write_text("{}")  # a note of this suite, in which the clock stands
    assert require_files(folder, files) == folder
    save_family("bert", folder, seed=1)
    with pytest.raises(SpecError, match="gone or have changed"):
        require_files(folder, files)


@pytest.mark.parametrize("family", ["roberta", "deberta", "gpt2"])
def test_protocols_read_it_as_they_read_ours(tmp_path, family):
    folder = save_family(family, tmp_path / "e")
    for protocol, kind, recipe in (
        (finetune, "pair", {"min_steps": 2, "epochs": 1, "max_length": 32}),
        (linear_probe, "classify", {"max_length": 32, "inverse_penalties": (1.0,)}),
    ):
        data = small_task(kind)
        name = protocol.__name__.rpartition(".")[2]
        spec = small_spec(name, data, recipe=recipe)
        result = protocol.run(spec, checkpoint=folder, task=data, device="cpu", progress=silent)
        assert result.readings[0].metrics
        assert (result.flops is None) == (family == "deberta"), "unknown, never made up"
    tried = {trial.chosen["pooling"] for trial in result.trials}
    assert tried == {"mean", "last" if family == "gpt2" else "cls"}


def test_last_is_the_last_token_that_is_not_padding():
    from mae_bench.model.heads import pool

    hidden = torch.arange(24.0).reshape(2, 4, 3)
    is_pad = torch.tensor([[False, False, True, True], [False] * 4])
    assert torch.equal(pool(hidden, is_pad, "last"), torch.stack([hidden[0, 1], hidden[1, 3]]))
    assert torch.equal(pool(hidden, None, "last"), hidden[:, 3])
