"""A whole study that goes on from an encoder with its own tokenizer, taught by another order."""

import json

import pytest
import torch
from command_line import call
from outside_encoders import SAVE, texts
from safetensors.torch import load_file
from tiny_study import rows
from transformers import AutoModel, AutoTokenizer

STUDY = """\
name: tiny
backbone: {{checkpoint: {start}}}
corpus: {{tokens: 10_000, tokenizer: {{from: {start}}}, row_length: 32}}
pretrain: {{budget: {{steps: 12}}, batch_rows: 8}}
objectives: {arms}
tasks: [world/topic]
protocols: [finetune, representation]
train_sizes: [20]
seeds: 1
finetune: {{learning_rates: [1e-3], epochs: 1, min_steps: 2, max_length: 32}}
representation: {{num_rows: 16}}
"""
ARMS = {
    "bert": "[mlm, mae, {{mlm: {{masking: whole_word, label: words}}}}, first_char, "
    "{{distill: {{teacher: {teacher}, initialise_from_teacher: true}}}}]",
    "modernbert": "[mlm, mae, {{distill: {{teacher: {teacher}}}}}]",
}


@pytest.mark.parametrize("arch", ["bert", pytest.param("modernbert", marks=pytest.mark.slow)])
def test_a_study_goes_on_from_an_encoder_with_its_own_tokenizer(tmp_path, arch):
    start = SAVE[arch](tmp_path / "start")
    others = {"bert": {"scramble": True, "seed": 1}, "modernbert": {"seed": 1}}
    teacher = SAVE[arch](tmp_path / "teacher", **others[arch])
    study, home = tmp_path / "tiny.yaml", tmp_path / "home"
    study.write_text(STUDY.format(start=start, arms=ARMS[arch].format(teacher=teacher)))
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    table = rows(home)
    assert table["value"].notna().all() and table["failure"].isna().all()
    checkpoints = {
        json.loads((folder / "spec.json").read_text())["objective"]: folder
        for folder in (home / "artefacts" / "pretrain").iterdir()
    }
    assert {"random_init", "mlm", "mae", "distill"} <= set(checkpoints)
    text = texts()[0][:80]
    theirs, first = AutoTokenizer.from_pretrained(start), AutoModel.from_pretrained(start).eval()
    for objective, folder in checkpoints.items():
        ours, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
        new = ours(text, return_tensors="pt").input_ids
        assert new[0, 0] == 2 and new[0, -1] == 3
        assert model.config.vocab_size == len(ours) == len(model.get_input_embeddings().weight)
        old = theirs.convert_tokens_to_ids(ours.convert_ids_to_tokens(new[0].tolist()))
        with torch.no_grad():
            states = model.eval()(new).last_hidden_state
            wanted = first(torch.tensor([old])).last_hidden_state
        assert torch.allclose(states, wanted, atol=1e-5) == (objective == "random_init")
    weights = load_file(checkpoints["random_init"] / "model.safetensors")
    assert not any("pooler" in name for name in weights)
