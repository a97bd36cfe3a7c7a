"""A study with every protocol that trains little or nothing, on tasks of three kinds."""

import pandas as pd
import pytest
from command_line import call
from local_data import write_split
from tiny_study import rows, write_study

from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study

CLOZE = {"prompt": "{text} : {mask}", "words": {"0": "a", "1": "b"}}
RECIPES = {
    "few_shot": {"shots": 2, "draws": 2},
    "zero_shot": {"clozes": {"world/sentiment": CLOZE}},
}
KEYS = {"objectives": ["mlm", "mae"], "train_sizes": None, "finetune": None}


def test_all_three_run_and_become_rows(tmp_path, home):
    protocols = ["zero_shot", "knn", "few_shot"]
    path = write_study(
        tmp_path, tasks=["world/sentiment"], protocols=protocols, recipes=RECIPES, **KEYS
    )
    code, _, err = call("run", path, "--home", home, "--workers", 1)
    assert code == 0, err
    assert "leaves out random_init" in err
    table = rows(home)
    table = table[table["is_primary"]]
    arms = table.groupby("protocol")["arm"].agg(set)
    assert arms["knn"] == arms["few_shot"] == {"random_init", "mlm", "mae"}
    assert arms["zero_shot"] == {"mlm", "mae"}
    assert table["value"].between(0, 1).all() and table["failure"].isna().all()


def test_a_test_alone_is_read_by_what_learns_nothing(tmp_path, home):
    columns = {"sentence1": ["a b", "c", "d e"], "sentence2": ["a", "c", "f"]}
    pairs = columns | {"score": [3.0, 5.0, 0.0]}
    write_split(tmp_path / "data", "sts/sts13", "test", pairs)
    flags = ("--home", home, "--data-dir", tmp_path / "data", "--workers", 1)
    with pytest.raises(SpecError, match="cannot read task 'sts13', which has a test") as e:
        make_plan(
            load_study(write_study(tmp_path, tasks=["sts13"], protocols=["knn"], **KEYS)),
            tmp_path / "data",
        )
    assert "it is read by zero_shot" in str(e.value)
    path = write_study(tmp_path, tasks=["sts13"], protocols=["zero_shot"], **KEYS)
    code, _, err = call("run", path, *flags)
    assert code == 0, err
    table = rows(home)
    spearman = table[table["metric"] == "spearman"].set_index("arm")["value"]
    assert set(spearman.index) == {"random_init", "mlm", "mae", "TF-IDF cosine"}
    assert spearman["TF-IDF cosine"] == 1.0
    assert pd.isna(table["selection_value"]).all()
