"""Values and ids: a new option moves no old id, and any other change moves one."""

import pytest
from pydantic import ValidationError

from mae_bench.specs import BackboneSpec, Budget, CorpusSpec, PretrainRecipe, stage_id


class NewRecipe(PretrainRecipe):
    """The recipe of a later version, with one more option."""

    ema_decay: float = 0.0


def ids(recipe):
    return stage_id("pretrain", 1, recipe.canonical())


def test_an_option_added_later_moves_no_old_id():
    assert ids(NewRecipe()) == ids(PretrainRecipe())
    old = PretrainRecipe(batch_rows=8)
    assert ids(NewRecipe(batch_rows=8)) == ids(old) != ids(PretrainRecipe())
    assert ids(NewRecipe(ema_decay=0.9)) != ids(PretrainRecipe())


def test_the_id_of_a_content_is_pinned():
    """Another digest would make every stored result unreachable."""
    assert stage_id("pretrain", 1, {"b": [1, 2.5], "a": None}) == "92d74fb7de60d410"
    assert stage_id("pretrain", 2, {"b": [1, 2.5], "a": None}) != "92d74fb7de60d410"


def test_only_what_differs_from_the_defaults_is_kept():
    assert BackboneSpec().canonical() == {}
    assert CorpusSpec(tokens=5).canonical() == {"tokens": 5}
    assert PretrainRecipe(budget=Budget(steps=3)).canonical() == {"budget": {"steps": 3}}


def test_values_are_frozen_and_finite():
    spec = BackboneSpec()
    with pytest.raises(ValidationError, match="frozen"):
        spec.preset = "mini"
    with pytest.raises(ValidationError):
        PretrainRecipe(peak_lr=float("nan"))
    with pytest.raises(ValidationError, match="multiple of num_heads"):
        BackboneSpec(hidden_size=100, num_heads=3)
