"""Untrained checkpoints with a token head and a WordPiece tokenizer, and tasks to be scored."""

import numpy as np
import torch
from small_blocks import L
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from mae_bench.data.tokenizer import SPECIAL
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.specs import BackboneSpec, EvaluateSpec, PretrainRecipe, PretrainSpec
from mae_bench.tasks.base import Examples, Task, TaskData

PIECES = ["a", "b", "c", "the", "river", "##s", "##c", "##e", "."]
VOCABULARY = [*SPECIAL, *PIECES]
SPEC = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=L)


def save_arm(folder, objective, options=None, *, seed=0, is_flat=False):
    """Write what a pretraining would, with weights large enough for tokens to differ.

    ``is_flat`` makes every token as likely as every other.
    """
    folder.mkdir(parents=True)
    model = models.WordPiece(
        {piece: number for number, piece in enumerate(VOCABULARY)}, unk_token="[UNK]"
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{name}_token": text for name, text in names.items()}
    ).save_pretrained(folder)
    made = OBJECTIVES.get(objective)(
        build_backbone(SPEC, len(VOCABULARY), seed),
        SPEC,
        parse_options(objective, options or {}),
        seed=seed,
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(0.0 if is_flat else 5.0 if weight.dim() > 1 else 1.0)
    save_checkpoint(made, folder.parent, folder)
    spec = PretrainSpec(
        backbone=SPEC,
        objective=objective,
        options=options or {},
        blocks="none",
        recipe=PretrainRecipe(),
        seed=seed,
    )
    write_json(spec.model_dump(mode="json"), folder / SPEC_FILE)
    return folder


def scored_task(kind):
    """Return a task of the kind with six examples of a test, and nothing else."""
    is_pair = kind == "minimal_pair"
    task = Task(
        name=f"small_{kind}",
        kind=kind,
        text_fields=("good", "bad") if is_pair else ("text",),
        label_field="group" if is_pair else "",
        label_names=(),
        metrics=("accuracy",) if is_pair else ("pseudo_bits_per_character",),
        source=None,
        licence="none",
        is_test_only=True,
    )
    texts = ["the river a", "as bc c", "b the rivers .", "a a a b", "cse river", "the the b c"]
    names = [f"test-{number}" for number in range(len(texts))]
    if is_pair:
        columns = (texts, [text[::-1] for text in texts], ["one", "two"] * 3)
        test = Examples(names, columns, np.array([0, 1, 1, 0, 1, 0]))
        nothing = Examples([], ([], [], []), np.empty(0, np.int64))
    else:
        test = Examples(names, (texts,), np.array([len(text) for text in texts]))
        nothing = Examples([], ([],), np.empty(0, np.int64))
    return TaskData(task, nothing, nothing, test)


def scored_spec(data, **recipe):
    """Return a spec of the protocol `score`."""
    return EvaluateSpec(
        checkpoint="abc",
        protocol="score",
        recipe={"max_length": L, **recipe},
        task=data.task.name,
        task_data="def",
        train_size="all",
        seed=0,
    )
