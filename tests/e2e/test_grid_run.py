"""A tiny grid, run to its rows."""

import json

from tiny_study import short_study

from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session

FINETUNE = {"learning_rates": [1e-3], "min_steps": [2, 4], "epochs": 1, "max_length": 32}
BACKBONE = {"num_layers": [1, 2], "hidden_size": 32, "num_heads": 2, "max_length": 32}


def test_rows_say_their_point_and_share_what_no_value_changes(tmp_path):
    asked = study_of(short_study(backbone=BACKBONE, finetune=FINETUNE, objectives=["mlm"]))
    session = Session(asked, home=tmp_path / "home", device="cpu", workers=1)
    rows = session.run()
    assert rows["failure"].isna().all()
    rows["point"] = rows["grid_point"].map(json.loads)
    rows["layers"] = [point["backbone.num_layers"] for point in rows["point"]]
    rows["steps"] = [point["finetune.min_steps"] for point in rows["point"]]
    mine = rows[(rows["arm"] == "mlm") & rows["is_primary"]]
    assert sorted(zip(mine["layers"], mine["steps"], strict=True)) == [
        (1, 2),
        (1, 4),
        (2, 2),
        (2, 4),
    ]
    assert (mine.groupby("layers")["pretrain_id"].nunique() == 1).all()
    assert mine["pretrain_id"].nunique() == 2
    sizes = mine.groupby("layers")["params_encoder"].first()
    assert sizes[1] < sizes[2]
    floors = rows[rows["is_floor"]]
    assert (floors.groupby(["arm", "metric"])["value"].nunique() == 1).all()
    assert len(floors) == 4 * len(floors.groupby(["arm", "metric"]))
    assert session.counts().is_finished
