"""A study of several fine-tunes of each pretraining, from YAML to rows; then with one more."""

from tiny_study import short_study

from mae_bench.planning.study import study_of
from mae_bench.results import load_rows
from mae_bench.runner.session import Session

STUDY = short_study(objectives=["mlm"], seeds=2, finetune_seeds=2)


def run(study, home, **changes):
    return Session(study_of(study), home=home, device="cpu", workers=1, **changes).run()


def test_each_checkpoint_has_its_fine_tunes_and_those_that_are_there_stay(home):
    one = run({**STUDY, "finetune_seeds": 1}, home)
    rows = run(STUDY, home)
    assert rows["failure"].isna().all()
    primary = rows[rows["is_primary"].astype(bool)]
    assert primary.groupby(["arm", "seed"])["finetune_seed"].agg(list).map([0, 1].__eq__).all()
    first = primary[primary["finetune_seed"] == 0].set_index(["arm", "seed"])
    before = one[one["is_primary"].astype(bool)].set_index(["arm", "seed"])
    assert first["evaluate_s"].equals(before["evaluate_s"]), "the same evaluations, not run again"
    assert first["cell_id"].equals(before["cell_id"])
    checkpoints = primary[primary["arm"] == "mlm"].groupby("seed")["pretrain_id"].nunique()
    assert (checkpoints == 1).all()
    assert load_rows(home / "studies" / "tiny")["finetune_seed"].notna().all()


def test_fine_tunes_of_one_checkpoint_may_be_one_program(home):
    rows = run(STUDY, home, batch_seeds=4)
    trained = rows[(rows["arm"] == "mlm") & rows["is_primary"].astype(bool)]
    assert set(trained["finetunes_together"]) == {4}
    assert trained["value"].notna().all()
