"""Rows of token ids made by arithmetic, and pretrainings on them that take a second."""

import json

import numpy as np
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from mae_bench.data.tokenizer import SPECIAL
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.masking.ngrams import hash_windows
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.pretraining.pretrain import pretrain
from mae_bench.pretraining.ranks import ALONE
from mae_bench.pretraining.run import Folders
from mae_bench.pretraining.together import Seed
from mae_bench.progress import silent
from mae_bench.specs import BackboneSpec, Budget, PretrainRecipe, PretrainSpec

V, L = 60, 24
ROWS, BATCH = 12, 4  # three steps an epoch
BACKBONE = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=L)
RECIPE = {
    "budget": Budget(steps=10),
    "batch_rows": BATCH,
    "peak_lr": 5e-3,
    "warmup_ratio": 0.2,
    "precision": "fp32",
}


def write_tokenizer(folder, vocab_size=V):
    """Write a tokenizer in which every third token continues the word before it."""
    words = [
        ("" if token_id % 3 == 2 else "Ġ") + chr(97 + token_id % 7) + str(token_id)
        for token_id in range(NUM_SPECIAL, vocab_size)
    ]
    vocabulary = {word: token_id for token_id, word in enumerate([*SPECIAL, *words])}
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]")),
        **{f"{name}_token": text for name, text in names.items()},
    ).save_pretrained(folder)


def write_blocks(folder, *, rows=ROWS, is_padded=True):
    """Write what the data stage would: rows that count up, each by a step of its own."""
    folder.mkdir(parents=True)
    write_tokenizer(folder.parent)
    np.save(folder / "rows.npy", _rows(0, rows, is_padded))
    np.save(folder / "validation.npy", _rows(rows, 8, is_padded))
    meta = {
        "row_length": L,
        "vocab_size": V,
        "num_tokens": rows * (L - 2),
        "has_pads": is_padded,
        "unigram_entropy": 4.0,
        "num_documents": rows,
        "num_dropped": 0,
    }
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def write_ngrams(folder):
    """Write collocations of tokens that follow each other in some of those rows."""
    folder.mkdir(exist_ok=True)
    tokens = range(NUM_SPECIAL, V - 4)
    pairs = np.array([(token, token + 1) for token in tokens if token % 3 == 0])
    triples = np.array([(token, token + 2, token + 4) for token in tokens if token % 4 == 0])
    hashes = [hash_windows(pairs, 2)[:, 0], hash_windows(triples, 3)[:, 0]]
    np.save(folder / "hashes.npy", np.sort(np.concatenate(hashes)))
    return folder


def _rows(first, count, is_padded):
    rows = np.full((count, L), PAD_ID, dtype=np.uint16)
    for index in range(count):
        number = first + index
        length = L - 3 * (number % 4) if is_padded else L
        text = np.arange(length - 2) * (1 + number % 5) + 7 * number
        rows[index, 1 : length - 1] = NUM_SPECIAL + text % (V - NUM_SPECIAL)
        rows[index, 0], rows[index, length - 1] = CLS_ID, SEP_ID
    return rows


def run_pretraining(
    folder,
    objective,
    options=None,
    *,
    name=None,
    teacher=None,
    encoder=None,
    seed=0,
    backbone=BACKBONE,
    progress=silent,
    device="cpu",
    compile_by="off",
    ranks=ALONE,
    **recipe,
):
    """Pretrain on ``folder / "blocks"``; return the checkpoint folder."""
    given = seed_of(
        folder,
        objective,
        options,
        name=name,
        teacher=teacher,
        encoder=encoder,
        seed=seed,
        backbone=backbone,
        progress=progress,
        **recipe,
    )
    pretrain(
        given.spec,
        **vars(given.folders),
        device=device,
        compile_by=compile_by,
        progress=given.progress,
        ranks=ranks,
    )
    return given.folders.out


def seed_of(
    folder,
    objective,
    options=None,
    *,
    name=None,
    teacher=None,
    encoder=None,
    seed=0,
    backbone=BACKBONE,
    progress=silent,
    **recipe,
):
    """Return a pretraining on ``folder / "blocks"`` that may go together with other seeds."""
    name = name or objective
    out = folder / name
    out.mkdir(exist_ok=True)
    parsed = parse_options(objective, options or {})
    needs_ngrams = OBJECTIVES.get(objective).requires(parsed).uses_ngrams
    spec = PretrainSpec(
        backbone=backbone,
        objective=objective,
        options=options or {},
        blocks="blocks",
        recipe=PretrainRecipe(**(RECIPE | recipe)),
        seed=seed,
    )
    folders = Folders(
        blocks=folder / "blocks",
        tokenizer=folder,
        teacher=teacher,
        ngrams=write_ngrams(folder / "ngrams") if needs_ngrams else None,
        encoder=encoder,
        work=folder / "work" / name,
        out=out,
    )
    return Seed(spec, folders, progress)
