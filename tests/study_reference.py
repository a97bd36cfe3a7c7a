"""Writes docs/study-reference.md: every key of a study, from the models that read it.

python tests/study_reference.py
"""

from pathlib import Path

from mae_bench.cli.catalogue import parts
from mae_bench.docstrings import attribute_docs
from mae_bench.specs import PRESETS, Study

FILE = Path(__file__).parents[1] / "docs" / "study-reference.md"
HEAD = """\
# Study reference

Every key that a study may hold. `python tests/study_reference.py` writes this page from the code
that reads studies, and a test compares them; `mae-bench list study` prints the same. Only `name`,
`tasks` and one of `objectives` and `encoders` are required. An unknown key is an error that names
the nearest known one.

What stands in place of names, such as objectives with their options, tasks, protocols and noises:
[CATALOGUE.md](../CATALOGUE.md). Whole studies: the [guide](guide.md).

## Short forms

A study may be written shorter than it is stored:

| written | means |
|---|---|
| `tasks: sst2` | a list of one; so with `protocols`, `train_sizes`, `noise` and `corpus.sources` |
| `seeds: 6` | `seeds: [0, 1, 2, 3, 4, 5]` |
| `objectives: [mae]` | `objectives: [{objective: mae, options: {}, label: mae}]` |
| `- mlm: {mask_ratio: [0.15, 0.4]}` | arms `mlm mask_ratio=0.15` and `mlm mask_ratio=0.4` |
| `- mae: {label: ours}` | the arm `mae` under another label |
| `encoders: [encoders/mine]` | `encoders: [{label: mine, from: encoders/mine}]` |
| `noise: [clean, {typos: 0.1}]` | `noise: [{name: clean}, {name: typos, rate: 0.1, where: test}]` |
| `{typos: {rate: [0.1, 0.2]}}` | a noise of each rate |
| `backbone: {num_layers: [2, 4]}` | `grid: {backbone.num_layers: [2, 4]}`: both depths |
| `recipes: {finetune/cls: {pooling: cls}}` | `finetune/cls` in `protocols` is that variant |

A key with a dot, such as `backbone.preset`, is `preset` inside the mapping `backbone`. `[]` is any
item of a list. `--set backbone.preset=small` overrides a key; items of lists are counted from 0, as
in `--set claims.0.margin=0.02`.
"""
EXAMPLES = {  # YAML; a test reads each into a study
    "name": "fight",
    "description": "Removing tokens against masking them.",
    "backbone.preset": "small",
    "backbone.arch": "bilstm",
    "backbone.num_layers": "3",
    "backbone.hidden_size": "256",
    "backbone.num_heads": "4",
    "backbone.mlp_ratio": "3.0",
    "backbone.max_length": "256",
    "backbone.dropout": "0.1",
    "backbone.checkpoint": "encoders/mine",
    "corpus.sources": "[wiki_en, ./notes.txt]",
    "corpus.tokens": "4_000_000",
    "corpus.tokenizer.kind": "wordpiece",
    "corpus.tokenizer.vocab_size": "8192",
    "corpus.tokenizer.from": "encoders/mine",
    "corpus.row_length": "128",
    "corpus.validation_ratio": "0.05",
    "corpus.seed": "1",
    "corpus_tokens": "[1_000_000, 4_000_000]",
    "budget_split.flops": "2.0e+13",
    "budget_split.pretrain_ratios": "[0, 0.25, 0.5, 0.75]",
    "pretrain.budget.tokens": "4_000_000",
    "pretrain.budget.steps": "2000",
    "pretrain.budget.flops": "1.0e+15",
    "pretrain.budget.seconds": "600",
    "pretrain.optimizer": "muon",
    "pretrain.batch_rows": "64",
    "pretrain.peak_lr": "1.0e-3",
    "pretrain.warmup_ratio": "0.1",
    "pretrain.weight_decay": "0.1",
    "pretrain.beta1": "0.95",
    "pretrain.beta2": "0.999",
    "pretrain.eps": "1.0e-8",
    "pretrain.clip_norm": "0.5",
    "pretrain.precision": "fp32",
    "objectives": "[mlm, {mae: {mask_ratio: 0.5}}]",
    "objectives[].objective": "mae",
    "objectives[].options": "{mask_ratio: 0.5}",
    "objectives[].label": "half removed",
    "objectives[].peak_lr": "1.0e-3",
    "encoders": "[encoders/mine, {label: theirs, from: encoders/theirs}]",
    "encoders[].label": "minilm",
    "encoders[].from": "encoders/mine",
    "grid": "{backbone.num_layers: [2, 4], pretrain.peak_lr: [1.0e-3, 2.0e-3]}",
    "zip": "[[backbone.num_layers, backbone.hidden_size]]",
    "exclude": "[{backbone.num_layers: 2}]",
    "controls": "true",
    "tasks": "[sst2, stsb]",
    "own_tasks": "[{name: tickets, data: t.csv, kind: classify, text: [body], label: topic}]",
    "own_tasks[].name": "complaints",
    "own_tasks[].kind": "pair",
    "own_tasks[].data": "complaints.csv",
    "own_tasks[].train": "complaints/first.csv",
    "own_tasks[].test": "complaints/later.csv",
    "own_tasks[].selection": "complaints/chosen.csv",
    "own_tasks[].text": "[subject, body]",
    "own_tasks[].options": "[first, second]",
    "own_tasks[].label": "topic",
    "own_tasks[].split": "part",
    "own_tasks[].metrics": "[f1]",
    "own_tasks[].classes": "['no', 'yes']",
    "own_tasks[].detected": "[other]",
    "own_tasks[].separator": "'|'",
    "own_tasks[].quotes": "false",
    "own_tasks[].language": "en",
    "own_tasks[].licence": "CC BY 4.0",
    "protocols": "[finetune, linear_probe]",
    "train_sizes": "[200, 0.5, 16/class, all]",
    "noise": "[clean, {typos: {rate: 0.1, where: test}}]",
    "noise[].name": "typos",
    "noise[].rate": "0.1",
    "noise[].where": "both",
    "seeds": "10",
    "finetune_seeds": "5",
    "repeats": "finetuning",
    "finetune.learning_rates": "[1.0e-4, 1.0e-3]",
    "finetune.max_added_rates": "0",
    "finetune.epochs": "5",
    "finetune.min_steps": "100",
    "finetune.batch_size": "16",
    "finetune.max_length": "64",
    "finetune.warmup_ratio": "0.06",
    "finetune.weight_decay": "0.0",
    "finetune.beta1": "0.95",
    "finetune.beta2": "0.98",
    "finetune.eps": "1.0e-8",
    "finetune.clip_norm": "0.5",
    "finetune.bucket_batches": "8",
    "finetune.dropout": "0.0",
    "finetune.precision": "fp32",
    "finetune.stride_ratio": "0.25",
    "finetune.max_answer_length": "60",
    "finetune.bias_correction": "false",
    "finetune.probe_steps": "200",
    "finetune.probe_lr": "0.003",
    "finetune.layer_lr_decay": "0.9",
    "finetune.reinit_layers": "2",
    "finetune.freeze": "embeddings",
    "finetune.lora.rank": "4",
    "finetune.lora.alpha": "8",
    "finetune.lora.targets": "[Wqkv]",
    "finetune.class_weights": "balanced",
    "finetune.pooling": "cls",
    "finetune.long_text": "head_tail",
    "finetune.head_ratio": "0.5",
    "finetune.chunk_overlap_ratio": "0.5",
    "finetune.max_chunks": "4",
    "finetune.chunk_pooling": "attention",
    "linear_probe.poolings": "[mean]",
    "linear_probe.inverse_penalties": "[0.01, 1.0, 100.0]",
    "linear_probe.max_iter": "2000",
    "linear_probe.max_length": "64",
    "linear_probe.batch_size": "32",
    "linear_probe.precision": "fp32",
    "linear_probe.long_text": "chunks",
    "linear_probe.head_ratio": "0.5",
    "linear_probe.chunk_overlap_ratio": "0.0",
    "linear_probe.max_chunks": "4",
    "representation.num_rows": "1024",
    "representation.mask_ratio": "0.3",
    "representation.tau": "0.99",
    "representation.objective_ratios": "[0.15, 0.3, 0.5]",
    "representation.batch_rows": "32",
    "representation.precision": "bf16",
    "recipes": "{tfidf: {max_ngram: 1}}",
    "control": "mlm",
    "claims": "[{sentence: MAE wins., treatment: mae, control: mlm}]",
    "claims[].sentence": "MAE loses at most one point to MLM.",
    "claims[].treatment": "mae",
    "claims[].control": "mlm",
    "claims[].test": "non_inferiority",
    "claims[].margin": "0.01",
    "claims[].along": "corpus_tokens",
    "claims[].direction": "rises",
    "claims[].between": "[200, 1000]",
    "claims[].cost": "pretrain_s",
    "claims[].expected": "formula",
    "claims[].tolerance": "0.1",
    "claims[].control_protocol": "finetune/small",
    "claims[].task": "sst2",
    "claims[].protocol": "linear_probe",
    "claims[].train_size": "200",
    "claims[].noise": "typos 0.1 (test)",
    "claims[].grid": "{backbone.num_layers: 2}",
    "claims[].metric": "f1",
    "references": (
        "[{text: MAE wins, letter: A, source: 'arXiv:2501.00001', "
        "comparison: {treatment: mae, control: mlm}}]"
    ),
    "references[].text": "MAE at 50% beats MLM by 0.7 points",
    "references[].value": "0.7",
    "references[].letter": "P",
    "references[].source": "arXiv:2501.00001, table 2",
    "references[].comparison.treatment": "mae",
    "references[].comparison.control": "mlm",
    "references[].comparison.control_protocol": "finetune/small",
    "references[].comparison.task": "sst2",
    "references[].comparison.protocol": "finetune",
    "references[].comparison.train_size": "200",
    "references[].comparison.noise": "clean",
    "references[].comparison.grid": "{backbone.num_layers: 2}",
    "references[].comparison.metric": "accuracy",
    "expectation": "Two hours on two cores.",
    "tuning.trials": "16",
    "tuning.sampler": "tpe",
    "tuning.budget.tokens": "1_000_000",
    "tuning.budget.steps": "500",
    "tuning.budget.flops": "1.0e+14",
    "tuning.budget.seconds": "60",
    "tuning.tasks": "[sst2]",
    "tuning.protocol": "linear_probe",
    "tuning.train_size": "500",
    "tuning.seed": "1",
    "tuning.peak_lr_factor": "2.0",
    "scales.NAME": "{seeds: 10}",
}  # fmt: skip


def text():
    """Return the whole page: a table for single keys, then one for each mapping or list."""
    sections = {"": []}
    for key in parts("study"):
        top, is_inside, _ = key["name"].replace("[]", "").partition(".")
        sections.setdefault(top if is_inside else "", []).append(key)
    meanings = attribute_docs(Study)
    lines = [HEAD]
    for name, keys in sections.items():
        lines.append(f"## {name}\n" if name else "## The study itself\n")
        if name in meanings:
            lines.append(f"{_sentence(meanings[name])}\n")
        if name == "backbone":
            lines += ["| preset | layers | hidden size | heads |", "|---|--:|--:|--:|"]
            lines += [f"| `{key}` | {' | '.join(map(str, of))} |" for key, of in PRESETS.items()]
            lines.append("")
        lines += ["| key | must be | default | meaning | example |", f"|{'---|' * 5}"]
        lines += [_row(key) for key in keys]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _row(key):
    default = key["default"]
    is_words = " " in default and default[0] not in "[{"
    shown = default if default == "required" or is_words else f"`{default}`"
    shown = "none" if default == "null" else shown
    cells = (
        f"`{key['name']}`",
        key["allowed"].removesuffix(" or null"),
        shown,
        _sentence(key["meaning"]),
        f"`{EXAMPLES[key['name']]}`",
    )
    return f"| {' | '.join(cells)} |"


def _sentence(meaning):
    plain = meaning.replace("``", "`")
    start = plain[:1] if plain.startswith("`") else plain[:1].upper()
    return f"{start}{plain[1:].rstrip('.')}."


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
