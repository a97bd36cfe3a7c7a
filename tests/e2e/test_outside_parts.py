"""Parts of another package, all in one study: each is as many files as CONTRIBUTING says."""

import json
import re
import shutil
from pathlib import Path

import pytest
from command_line import start
from local_data import write_split
from tiny_study import write_study

from mae_bench.results import load_rows

TESTS = Path(__file__).parents[1]
OUTSIDE, EXAMPLE = TESTS / "outside", TESTS / "plugin_example"
CONTRIBUTING = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = {  # row of CONTRIBUTING: entry-point group, name, all files of the part
    "an objective": (
        "objectives",
        "swapped_halves",
        sorted(path for path in EXAMPLE.iterdir() if path.is_file()),
    ),
    "a backbone": ("backbones", "electra", [OUTSIDE / "their_electra.py"]),
    "a kind of task": ("kinds", "their_tags", [OUTSIDE / "outside_tags.py"]),
    "a noise": ("noises", "their_shout", [OUTSIDE / "their_shout.py"]),
    "a protocol": ("protocols", "neighbours", [OUTSIDE / "neighbours_protocol.py"]),
    "an executor": ("executors", "one_by_one", [OUTSIDE / "one_by_one.py"]),
}
TASK = """\
from mae_bench.data.sources import Source
from mae_bench.tasks import Task, add_task

add_task(
    Task(
        name="their_words", kind="their_tags", text_fields=("words",), label_field="tags",
        label_names=("word", "capital"), metrics=("their_tag_accuracy",), licence="theirs",
        source=Source("", "", "words", "theirs", {"train": "train", "test": "test"}),
    )
)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder that looks as if pip had installed all parts there."""
    folder = tmp_path_factory.mktemp("site")
    about = folder / "theirs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (folder / "their_task.py").write_text(TASK)
    lines = ["[mae_bench.tasks]", "their_words = their_task"]
    modules = {"their_task.py"}
    for group, name, files in PARTS.values():
        (module,) = [path for path in files if path.suffix == ".py"]
        shutil.copy(module, folder)
        modules.add(module.name)
        lines += [f"[mae_bench.{group}]", f"{name} = {module.stem}"]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (about / "RECORD").write_text("".join(f"{name},,\n" for name in sorted(modules)))
    for split, count in (("train", 60), ("test", 20)):
        words = [["Ada", "reads", f"{split}{row}"][row % 2 :] for row in range(count)]
        tags = [[int(word[0].isupper()) for word in each] for each in words]
        write_split(folder / "data", "words", split, {"words": words, "tags": tags})
    return folder


@pytest.mark.parametrize("row", PARTS)
def test_a_part_is_as_many_files_as_contributing_says(row):
    line = next(line for line in CONTRIBUTING.splitlines() if line.startswith(f"| {row} |"))
    (promised,) = re.findall(r"From outside: (\d) files?", line)
    _, name, files = PARTS[row]
    assert len(files) == int(promised)
    texts = [path.read_text(encoding="utf-8") for path in files]
    assert any(f'"{name}"' in text for text in texts)
    for text in texts:  # nothing of these tests helps it
        assert not re.search(r"^(from|import) (tests|small_|registries|report_rows)", text, re.M)


@pytest.mark.parametrize(
    ("task", "protocols", "metrics"),
    [
        ("world/topic", ["finetune", "neighbours"], {"accuracy"}),
        ("their_words", ["finetune"], {"their_tag_accuracy"}),
    ],
)
def test_all_of_them_run_in_a_study(site, tmp_path, home, task, protocols, metrics):
    small = {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32}
    path = write_study(
        tmp_path,
        backbone={"arch": "electra", **small},
        objectives=["swapped_halves"],
        tasks=[task],
        protocols=protocols,
        noise=["clean", {"their_shout": 0.5}],
    )
    places = ("--home", home, "--data-dir", site / "data")
    process = start(
        *("run", path, *places, "--executor", "one_by_one", "--workers", 1), PYTHONPATH=str(site)
    )
    code, _, err = process.finish()
    assert code == 0, err
    rows = load_rows(home / "studies" / "tiny")
    theirs = rows[(rows["objective"] == "swapped_halves") & rows["is_primary"]]
    assert rows["failure"].isna().all()
    assert set(theirs["protocol"]) == set(protocols)
    assert set(theirs["noise"]) == {"clean", "their_shout"}
    assert metrics == set(theirs["metric"])
    plan = json.loads((home / "studies" / "tiny" / "study.json").read_text())
    assert "electra" in json.dumps(plan)
