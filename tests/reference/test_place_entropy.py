"""What one place tells of the token that is predicted there, against sums over all pairs."""

import math

import numpy as np
import pytest
import torch

from mae_bench.draws import Draws
from mae_bench.masking import MASK_ID, NUM_SPECIAL, as_block
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.plateau import place_entropy
from mae_bench.specs import BackboneSpec

BERT = (0.8, 0.1, 0.1)
COUNTS = np.array([50, 20, 9, 5, 3, 1, 1, 0])


def by_pairs(counts, places):
    """Return H(predicted | seen), summed over every pair of a token seen and a token predicted."""
    share = [count / sum(counts) for count in counts]
    hidden, random, kept = places
    tokens = range(len(share))
    joint = {("[MASK]", y): hidden * share[y] for y in tokens}
    for x in tokens:
        for y in tokens:
            joint[x, y] = random * share[y] / len(share) + (kept * share[y] if x == y else 0.0)
    seen = {}
    for (x, _), probability in joint.items():
        seen[x] = seen.get(x, 0.0) + probability
    return -sum(p * math.log(p / seen[x]) for (x, _), p in joint.items() if p)


@pytest.mark.parametrize(
    "places", [BERT, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.0, 0.5), (0.0, 0.3, 0.7)]
)
def test_it_is_the_entropy_given_what_is_seen(places):
    assert place_entropy(COUNTS, places) == pytest.approx(by_pairs(COUNTS, places), rel=1e-9)


def test_a_token_that_always_stays_leaves_nothing():
    assert place_entropy(COUNTS, (0.0, 0.0, 1.0)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mask_share": 0.5, "random_share": 0.2, "keep_share": 0.3},
        {"loss_on": "all", "mask_ratio": 0.4},
        {"corrupt_ratio": 0.4, "predict_ratio": 0.2},
    ],
)
def test_places_are_those_of_the_views(options):
    spec = BackboneSpec(num_layers=1, hidden_size=16, num_heads=2, max_length=64)
    parsed, kind = parse_options("mlm", options), OBJECTIVES.get("mlm")
    size = 2000  # a random token is seldom the right one
    objective = kind(build_backbone(spec, size, 0), spec, parsed, seed=0)
    ids = torch.randint(NUM_SPECIAL, size, (400, 64), generator=torch.Generator().manual_seed(0))
    view = objective.corrupt(as_block(ids), Draws(0, 0, torch.arange(400), progress=0.0))
    seen = view.input_ids.gather(1, view.target_positions)
    is_masked, is_kept = seen == MASK_ID, seen == view.target_ids
    shares = [is_masked, ~is_masked & ~is_kept, is_kept]
    measured = [float(share.double().mean()) for share in shares]
    assert measured == pytest.approx(kind.provides(parsed).places, abs=0.02)


def test_phases_have_the_places_of_the_last():
    last = {"mlm": {"share": 0.5}}
    options = parse_options("phases", {"steps": {"causal": {"share": 0.5}, **last}})
    assert OBJECTIVES.get("phases").provides(options).places == BERT
    other = parse_options("phases", {"steps": {**last, "simcse": {"share": 0.5}}})
    assert OBJECTIVES.get("phases").provides(other).places is None
