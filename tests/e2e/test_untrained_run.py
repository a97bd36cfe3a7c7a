"""A study with every protocol that trains little or nothing, on tasks of three kinds."""

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from command_line import call
from tiny_study import rows

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study

STUDY = """\
name: untrained
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [world], tokens: 10_000, tokenizer: {vocab_size: 400}, row_length: 32}
pretrain: {budget: {steps: 4}, batch_rows: 8}
objectives: [mlm, mae]
tasks: [TASKS]
protocols: [PROTOCOLS]
seeds: 1
"""
RECIPES = """\
recipes:
  few_shot: {shots: 2, draws: 2}
  zero_shot: {clozes: {world/sentiment: {prompt: "{text} : {mask}", words: WORDS}}}
"""
WORDS = str({"0": "a", "1": "b"})


def study(folder, tasks, protocols, recipes=""):
    path = folder / f"{protocols}.yaml".replace(" ", "")
    text = STUDY.replace("TASKS", tasks).replace("PROTOCOLS", protocols)
    path.write_text(text + recipes.replace("WORDS", WORDS))
    return path


def test_all_three_run_and_become_rows(tmp_path):
    path = study(tmp_path, "world/sentiment", "zero_shot, knn, few_shot", RECIPES)
    code, _, err = call("run", path, "--home", tmp_path / "home")
    assert code == 0, err
    assert "leaves out random_init" in err
    table = rows(tmp_path / "home", "untrained")
    table = table[table["is_primary"]]
    arms = table.groupby("protocol")["arm"].agg(set)
    assert arms["knn"] == arms["few_shot"] == {"random_init", "mlm", "mae"}
    assert arms["zero_shot"] == {"mlm", "mae"}
    assert table["value"].between(0, 1).all() and table["failure"].isna().all()


def test_a_test_alone_is_read_by_what_learns_nothing(tmp_path):
    folder = tmp_path / "data" / "sts" / "sts13"
    folder.mkdir(parents=True)
    columns = {"sentence1": ["a b", "c", "d e"], "sentence2": ["a", "c", "f"]}
    pairs = pyarrow.table(columns | {"score": [3.0, 5.0, 0.0]})
    pyarrow.parquet.write_table(pairs, folder / "test.parquet")
    flags = ("--home", tmp_path / "home", "--data-dir", tmp_path / "data")
    with pytest.raises(SpecError, match="cannot read task 'sts13', which has a test") as e:
        make_plan(load_study(study(tmp_path, "sts13", "knn")), tmp_path / "data")
    assert "it is read by zero_shot" in str(e.value)
    code, _, err = call("run", study(tmp_path, "sts13", "zero_shot"), *flags)
    assert code == 0, err
    table = rows(tmp_path / "home", "untrained")
    spearman = table[table["metric"] == "spearman"].set_index("arm")["value"]
    assert set(spearman.index) == {"random_init", "mlm", "mae", "TF-IDF cosine"}
    assert spearman["TF-IDF cosine"] == 1.0
    assert pd.isna(table["selection_value"]).all()
