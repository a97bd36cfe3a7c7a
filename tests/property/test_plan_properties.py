"""Ids depend on what a stage does, never on the arms around it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of

ARMS = [
    "mae",
    "simcse",
    "random_init",
    {"mlm": {"label": "m15"}},
    {"mlm": {"label": "m40", "mask_ratio": 0.4}},
    {"mae": {"label": "mae30", "mask_ratio": 0.3}},
    {"distill": {"teacher": "m15"}},
]
arms = st.lists(st.sampled_from(range(len(ARMS))), min_size=1, unique=True)
studies = st.fixed_dictionaries(
    {
        "tasks": st.lists(
            st.sampled_from(["world/topic", "world/sentiment"]), min_size=1, unique=True
        ),
        "protocols": st.lists(
            st.sampled_from(["finetune", "linear_probe"]), min_size=1, unique=True
        ),
        "train_sizes": st.lists(st.sampled_from([20, 0.5, "all"]), min_size=1, unique=True),
        "noise": st.sampled_from([["clean"], ["clean", {"typos": [0.1, 0.2]}]]),
        "seeds": st.lists(st.integers(0, 50), min_size=1, max_size=3, unique=True),
        "repeats": st.sampled_from(["pretraining", "finetuning"]),
        "corpus_tokens": st.sampled_from([[], [1000], [1000, 2000]]),
    }
)


def planned(numbers, axes):
    chosen = list(numbers)
    if 6 in chosen and 3 not in chosen:  # the student needs its teacher
        chosen.insert(0, 3)
    raw = {"name": "p", "corpus": {"sources": ["world"], "tokens": 5000}}
    return make_plan(study_of({**raw, **axes, "objectives": [ARMS[i] for i in chosen]}), None)


def ids_by_arm(plan):
    ids = {}
    for cell in plan.cells:
        setting = (cell.arm.label, cell.corpus_tokens, cell.task, cell.protocol, cell.train_size)
        ids[(*setting, cell.noise, cell.seed)] = (cell.pretrain, cell.evaluate, cell.id)
    return ids


@settings(deadline=None, max_examples=30)
@given(arms, studies)
def test_no_stage_or_cell_occurs_twice_and_needs_come_first(numbers, axes):
    plan = planned(numbers, axes)
    assert len({stage.key for stage in plan.stages}) == len(plan.stages)
    assert len({cell.id for cell in plan.cells}) == len(plan.cells)
    assert len(ids_by_arm(plan)) == len(plan.cells)
    seen = set()
    for stage in plan.stages:
        assert seen.issuperset(stage.needs)
        seen.add(stage.key)
    assert {("evaluate", cell.evaluate) for cell in plan.cells} <= seen


@settings(deadline=None, max_examples=30)
@given(arms, st.integers(0, len(ARMS) - 1), studies)
def test_adding_an_arm_never_moves_another(numbers, more, axes):
    before = ids_by_arm(planned(numbers, axes))
    after = ids_by_arm(planned(list(dict.fromkeys([*numbers, more])), axes))
    assert before.items() <= after.items()


@settings(deadline=None, max_examples=30)
@given(arms, studies, st.randoms())
def test_the_order_of_arms_moves_no_id(numbers, axes, random):
    shuffled = list(numbers)
    random.shuffle(shuffled)
    assert ids_by_arm(planned(numbers, axes)) == ids_by_arm(planned(shuffled, axes))


@settings(deadline=None, max_examples=20)
@given(arms, studies)
def test_arms_of_a_seed_share_what_pairs_them(numbers, axes):
    plan = planned(numbers, axes)
    by_id = {stage.id: stage.spec for stage in plan.stages if stage.kind == "evaluate"}
    shared = {}
    for cell in plan.cells:
        spec = by_id[cell.evaluate]
        setting = (cell.task, cell.train_size, cell.seed)
        pair = (spec.seed, spec.task_data, spec.train_size)
        assert shared.setdefault(setting, pair) == pair
