"""A study of two variants of one protocol, from YAML to a report."""

import pandas as pd
from tiny_study import short_study

from mae_bench.analysis.report import write_report
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session

STUDY = short_study(
    backbone={"num_layers": 2, "hidden_size": 32, "num_heads": 2, "max_length": 32},
    objectives=["mlm"],
    protocols=["finetune", "finetune/low", "finetune/parts"],
    finetune={"learning_rates": [0.001], "epochs": 1, "min_steps": 3},
    recipes={
        "finetune/low": {"layer_lr_decay": 0.5, "probe_steps": 2, "freeze": "embeddings"},
        "finetune/parts": {"long_text": "chunks", "max_length": 6, "class_weights": "balanced"},
    },
)


def test_variants_are_columns_of_their_own(tmp_path, home):
    session = Session(study_of(STUDY), home=home, device="cpu", workers=1)
    rows = session.run()
    assert rows["failure"].isna().all()
    trained = rows[(rows["arm"] == "mlm") & rows["is_primary"].astype(bool)]
    assert list(trained["protocol"]) == STUDY["protocols"]
    flops = dict(zip(trained["protocol"], trained["evaluate_flops"], strict=True))
    assert flops["finetune/low"] > flops["finetune"], "the steps of the head alone cost, too"
    write_report(rows, study_of(STUDY), tmp_path / "report")
    scores = pd.read_csv(tmp_path / "report" / "tables" / "scores.csv")
    assert set(scores["protocol"]) == set(STUDY["protocols"])
