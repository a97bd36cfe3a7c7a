"""The documents say what is true: rooms, studies, examples, commands, links, defaults."""

import configparser
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import typer
from command_line import LIMIT_S

from mae_bench.cli import app
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study
from mae_bench.seeding import STREAMS
from mae_bench.specs import (
    FinetuneRecipe,
    PretrainRecipe,
    ProbeRecipe,
    RepresentationRecipe,
    TuningSpec,
)

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROTOCOL = (ROOT / "PROTOCOL.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md"))}
USER_DOCS = (README, *PAGES.values())
TEXT_SUFFIXES = {".py", ".md", ".yaml", ".toml", ".ini", ".txt", ".j2", ".css", ".json"}
TEXT_SUFFIXES |= {".csv", ".html", ".svg", ".tex"}


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def named(language):
    """Return the documents' examples by the file that their first line names."""
    examples = {}
    for block in (block for text in USER_DOCS for block in fenced(text, language)):
        name, _, _ = block.removeprefix("# ").partition("\n")
        assert re.fullmatch(r"[\w/]+\.\w+", name), f"an example without a file name: {name}"
        assert name not in examples, f"two examples are called {name}"
        examples[name] = block
    return examples


def tree():
    """Return the folders of the README's tree with their sentences."""
    (text,) = fenced(README, "text")
    folders, sentence_of = [], {}
    for line in text.splitlines():
        entry, _, sentence = line.strip().partition(" ")
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [entry]
        sentence_of["".join(folders)] = sentence.strip()
    return sentence_of


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_the_tree_is_the_rooms_each_with_its_own_sentence():
    rooms = {
        path.parent.name: inspect.getdoc(importlib.import_module(f"mae_bench.{path.parent.name}"))
        for path in (ROOT / "mae_bench").glob("*/__init__.py")
    }
    written = tree()
    inside = {name.split("/")[1]: s for name, s in written.items() if name.count("/") == 2}
    assert inside == {name: doc.splitlines()[0] for name, doc in rooms.items()}
    assert list(inside) == sorted(inside)
    for name, doc in rooms.items():
        assert "\n\nWhat to touch: " in doc, f"{name} does not say what may be touched there"
    for name, sentence in written.items():
        assert (ROOT / name).is_dir()
        assert sentence.endswith(".") or name == "mae_bench/"


def test_every_page_is_named_by_the_readme_and_repeats_no_paragraph():
    for name in PAGES:
        assert f"docs/{name}" in README
    seen = {}
    for name, text in {"README": README, **PAGES}.items():
        for paragraph in re.split(r"\n\s*\n", text):
            words = " ".join(paragraph.split())
            if len(words) < 80 or words.startswith("| key |"):
                continue
            assert words not in seen, f"{name} repeats {seen[words]}: {words[:60]}"
            seen[words] = name


def test_every_study_of_the_documents_loads(tmp_path):
    studies = named("yaml")
    assert studies.keys() >= {"fight.yaml", "combined.yaml", "going_on.yaml", "own.yaml"}
    for name, text in studies.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        assert load_study(path).name == path.stem


def test_the_study_of_the_readme_can_be_planned(tmp_path):
    path = tmp_path / "fight.yaml"
    path.write_text(named("yaml")["fight.yaml"], encoding="utf-8")
    assert 15 <= len(path.read_text().splitlines()) <= 30
    plan = make_plan(load_study(path), None)
    arms = ["mlm mask_ratio=0.15", "mlm mask_ratio=0.4", "mae", "simcse", "distill"]
    floors = ["majority class", "TF-IDF + LR"]
    assert [arm.label for arm in plan.arms] == ["random_init", *arms, *floors]
    assert plan.warnings == ()


# Runs inside a folder that holds the documents' files, with its parts installed beside them.
DRIVER = """\
import json
from pathlib import Path

import torch

torch.set_num_threads(1)

from mae_bench.costs import StepShape
from mae_bench.draws import Draws
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.progress import silent
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study
from mae_bench.specs import BackboneSpec
from mae_bench.tasks import TASKS, build_task, load_task

spec = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=32)
kind, options = OBJECTIVES.get("token_detection"), parse_options("token_detection", {})
kind.check(options, spec, 16)
objective = kind(build_backbone(spec, 64, 0), spec, options, seed=0)
ids = torch.randint(5, 64, (4, 16))
ids[:, 0], ids[:, -1] = 2, 3
is_pad = torch.zeros(4, 16, dtype=torch.bool)
is_pad[0, 10:] = True
padded = ids.masked_fill(is_pad, 0)
padded[0, 9] = 3
for block in (Block(ids), Block(padded, is_pad)):
    draws = Draws(0, 0, torch.arange(4))
    view, again = objective.corrupt(block, draws), objective.corrupt(block, draws)
    assert torch.equal(view.input_ids, again.input_ids)
    is_changed = view.input_ids != block.ids
    assert is_changed.any() and torch.equal(is_changed.long(), view.target_ids)
    assert block.is_pad is None or not (is_changed & block.is_pad).any()
    output = objective(view)
    real = 64 if block.is_pad is None else int((~is_pad).sum())
    assert output.predicted == real and bool(output.loss.isfinite())
    output.loss.backward()
assert all(p.grad is not None for p in objective.head.parameters())
flops = kind.flops_per_step(options, StepShape(spec, 4, 16, 64))
assert flops.encoder > flops.head > 0
with torch.random.fork_rng():
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(objective.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = objective(objective.corrupt(Block(ids), Draws(0, 0, torch.arange(4)))).loss
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
assert losses[-1] < losses[0] / 2, losses

data = Path("data")
build_task(TASKS.get("tickets"), Path("task"), data, silent)
assert len(load_task(Path("task")).selection) > 0
own = make_plan(load_study("own.yaml"), data)
assert {arm.objective for arm in own.arms} >= {"token_detection", "mae"}
"""

TINY = """\
name: fight
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [notes.txt], tokenizer: {vocab_size: 400}, row_length: 32}
pretrain: {budget: {steps: 3}, batch_rows: 4}
objectives: [mlm, token_detection]
tasks: [tickets]
train_sizes: [20]
seeds: 1
finetune: {learning_rates: [1e-3], epochs: 1, min_steps: 2, max_length: 32}
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """Return a folder with the documents' package installed, their studies, text and data."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "my_parts").mkdir()
    (folder / "my_parts" / "__init__.py").touch()
    examples = named("python") | named("yaml")
    for name, text in examples.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "fight.yaml").write_text(TINY, encoding="utf-8")
    info = folder / "my_parts-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-parts\nVersion: 0.1\n")
    points = tomllib.loads(named("toml")["pyproject.toml"])["project"]["entry-points"]
    lines = []
    for group, parts in points.items():
        lines += [f"[{group}]", *(f"{name} = {module}" for name, module in parts.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    words = ["stone river house bird tree", "over under near far", "sees finds makes takes"]
    notes = "\n\n".join(
        " ".join(f"{word} {i % 7}{j}" for j, word in enumerate(" ".join(words).split() * 3))
        for i in range(60)
    )
    (folder / "notes.txt").write_text(notes, encoding="utf-8")
    (folder / "articles").mkdir()
    (folder / "articles" / "first.txt").write_text("A text of one's own.\n\nAnd another one.")
    (folder / "data" / "tickets").mkdir(parents=True)
    for split, count in (("train", 90), ("test", 30)):
        labels = [i % 3 for i in range(count)]
        texts = [f"{split} {i} {('broken', 'how', 'please')[i % 3]}" for i in range(count)]
        table = pyarrow.table({"text": texts, "label": labels})
        pyarrow.parquet.write_table(table, folder / "data" / "tickets" / f"{split}.parquet")
    return folder


def python(folder, *arguments):
    process = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "MAE_BENCH_DATA": "data"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_the_own_parts_of_the_documents_work(workshop):
    python(workshop, "-c", DRIVER)


def test_the_python_example_of_the_readme_runs(workshop):
    out = python(workshop, "fight.py")
    assert "token_detection" in out and "majority class" in out
    assert "Counts(stages=" in out
    assert (workshop / out.splitlines()[-1]).is_file() and out.rstrip().endswith("index.html")
    rows = pd.read_parquet(workshop / "home" / "studies" / "fight" / "results.parquet")
    assert set(rows["metric"]) == {"accuracy", "f1", "mistakes"}


def command_lines():
    texts = (*USER_DOCS, CONTRIBUTING)
    lines = [line for text in texts for b in fenced(text, "sh") for line in b.splitlines()]
    inline = [line for text in texts for line in re.findall(r"`([^`\n]+)`", text)]
    return [line.partition("#")[0].strip() for line in [*lines, *inline]]


def test_the_commands_named_exist():
    verbs = typer.main.get_command(app).commands
    seen = set()
    for line in command_lines():
        for verb, rest in re.findall(r"mae-bench ([a-z]+)(.*)", line):
            assert verb in verbs, f"no such verb: {line}"
            seen.add(verb)
            flags = {flag for p in verbs[verb].params for flag in (*p.opts, *p.secondary_opts)}
            for flag in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", rest):
                assert flag in flags, f"mae-bench {verb} has no {flag}"
    assert seen == set(verbs), "a verb that no document names"


def test_the_flags_named_exist():
    verbs = typer.main.get_command(app).commands.values()
    known = {flag for verb in verbs for p in verb.params for flag in (*p.opts, *p.secondary_opts)}
    for line in command_lines():
        if line.startswith("--"):
            assert line.split()[0] in known, line


def test_the_tox_environments_named_exist():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    known = {section.removeprefix("testenv:") for section in tox.sections()}
    named = [name for line in command_lines() for names in re.findall(r"tox -e ([\w,]+)", line)
             for name in names.split(",")]  # fmt: skip
    assert {"quickstart", "tests", "lint", "types", "layers", "planted"} <= set(named) <= known


def anchors(path):
    """Return what a link can name inside a page, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "name",
    ["README.md", "PROTOCOL.md", "CONTRIBUTING.md", "CHANGELOG.md", "CATALOGUE.md"]
    + [f"docs/{name}" for name in PAGES],
)
def test_links_lead_somewhere(name):
    page = ROOT / name
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        path = (page.parent / target).resolve() if target else page
        local = path.relative_to(ROOT)
        report = ROOT / "/".join(local.parts[:2])  # published when it has been run
        is_later = local.parts[0] == "reports" and not report.exists()
        assert path.exists() or is_later, f"{name}: {link}"
        assert not anchor or anchor in anchors(path), f"{name}: {link}"


def table_of(heading):
    """Return the first two columns of PROTOCOL's table whose first header cell is this."""
    lines = PROTOCOL.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows[cells[0].strip("`")] = cells[1]
    return rows


@pytest.mark.parametrize(
    ("heading", "recipe"),
    [
        ("`pretrain:`", PretrainRecipe),
        ("`finetune:`", FinetuneRecipe),
        ("`linear_probe:`", ProbeRecipe),
        ("`representation:`", RepresentationRecipe),
        ("`tuning:`", TuningSpec),
    ],
)
def test_the_recipes_have_the_defaults_that_the_protocol_states(heading, recipe):
    def shown(value):
        if isinstance(value, tuple):
            return ", ".join(map(str, value)) or "()"
        if hasattr(value, "canonical"):
            return "{" + ", ".join(f"{k}: {v}" for k, v in value.canonical().items()) + "}"
        return str(value)

    real = {name: f"`{shown(value)}`" for name, value in recipe()}
    assert table_of(heading) == real


def test_the_streams_are_those_that_the_protocol_states():
    real = {name: ", ".join(f"`{axis}`" for axis in axes) for name, axes in STREAMS.items()}
    assert table_of("stream") == real


def test_contributing_stays_short_and_names_real_files():
    assert len(CONTRIBUTING.splitlines()) < 60
    for path in re.findall(r"`([\w/]+\.(?:py|toml))`", CONTRIBUTING):
        assert (ROOT / path).exists() or (ROOT / "mae_bench" / path).exists(), path
    for room in re.findall(
        r"[a-z_]+", CONTRIBUTING.partition("## Layers\n\n")[2].partition(". A")[0]
    ):
        assert importlib.util.find_spec(f"mae_bench.{room}"), f"no room or module {room}"


def project_files():
    for folder, folders, names in os.walk(ROOT):  # unlike rglob, bears folders that vanish
        folders[:] = [n for n in folders if not n.startswith(".") and not n.endswith(".egg-info")]
        for path in (Path(folder) / name for name in names if not name.startswith(".")):
            if path.suffix in TEXT_SUFFIXES and path.is_file():
                yield path


def test_no_file_names_a_folder_of_the_machine_it_was_written_on():
    forbidden = [r"(?<![\w.>}])/" + r"work\b", r"\bshared" + "/"]
    for path in project_files():
        if parts_of_a_run(path):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for pattern in forbidden:
            assert not re.search(pattern, text), f"{path} matches {pattern}"


def parts_of_a_run(path):
    """Whether a user's run made the file, where its own paths may stand."""
    top = path.relative_to(ROOT).parts[0]
    return top in ("quickstart-report", "dist", "build", "home")
