"""Strategies of fine-tuning: what of the encoder is trained, from which weights, at which rates.

Layer-wise rates: Howard & Ruder 2018, arXiv:1801.06146; Clark et al. 2020, arXiv:2003.10555.
New top layers: Zhang et al. 2021, arXiv:2006.05987. LoRA: Hu et al. 2022, arXiv:2106.09685.
"""

import importlib.util
from collections.abc import Callable

import torch
from torch import nn

from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone
from mae_bench.model.generators import kept_generators
from mae_bench.model.heads import PooledHead, TaskModel
from mae_bench.model.layers import read_layers, reinitialise
from mae_bench.model.text_pooling import ChunkModel, build_pooling
from mae_bench.seeding import seed_for
from mae_bench.specs import FinetuneRecipe, LoraSpec
from mae_bench.tasks.kinds.base import KINDS, FinetuneKind, TaskKind


def check_strategy(recipe: FinetuneRecipe, kind: type[TaskKind], name: str) -> None:
    """Check that tasks of a kind can be learned as a recipe says.

    Args:
        recipe: of a fine-tune.
        kind: of a task.
        name: of the kind.

    Raises:
        SpecError: an option means nothing to the kind, or needs a package that is not installed.
    """
    if recipe.lora is not None and importlib.util.find_spec("peft") is None:
        raise SpecError(
            "lora needs the package peft, which is not installed; "
            "install it by `pip install 'mae-bench[lora]'`, or leave lora out"
        )
    if not issubclass(kind, FinetuneKind):
        return
    if not kind.has_head and (recipe.freeze == "encoder" or recipe.probe_steps):
        option = "freeze 'encoder'" if recipe.freeze == "encoder" else "probe_steps"
        raise SpecError(
            f"{option} trains the head alone, and tasks of kind '{name}' have none that learns; "
            "leave it out, or put the task into a study of its own"
        )
    if recipe.class_weights != "none" and not kind.weighs_classes:
        raise SpecError(_unfit("class_weights", recipe.class_weights, name, "weighs_classes"))
    if recipe.pooling != "mean" and not kind.pools_text:
        raise SpecError(_unfit("pooling", recipe.pooling, name, "pools_text"))
    if recipe.long_text != "head" and not (kind.pools_text and kind.num_texts == 1):
        why = " (of two texts that are read together no end is the end)" if kind.pools_text else ""
        raise SpecError(_unfit("long_text", recipe.long_text, name, "pools_text", why))


def _unfit(option: str, got: str, kind: str, attribute: str, why: str = "") -> str:
    able = [
        other
        for other, part in KINDS
        if getattr(part, attribute, False) and (option != "long_text" or part.num_texts == 1)
    ]
    return (
        f"{option} '{got}' means nothing to tasks of kind '{kind}'{why}; it fits kinds "
        f"{', '.join(able)}: leave it out, or put the task into a study of its own"
    )


def prepare(backbone: Backbone, recipe: FinetuneRecipe, seed: int) -> None:
    """Set an encoder up as a recipe says, in place: new layers, frozen parts, LoRA.

    Raises:
        SpecError: its layers cannot be told, or there is no linear layer that LoRA could update.
    """
    if recipe.reinit_layers:
        reinitialise(backbone, recipe.reinit_layers, seed)
    if recipe.freeze == "encoder":
        backbone.requires_grad_(False)
    elif recipe.freeze == "embeddings":
        layers = read_layers(backbone.encoder)
        for name, parameter in backbone.encoder.named_parameters():
            if layers.of[name] < 0:
                parameter.requires_grad_(False)
    if recipe.lora is not None:
        _add_lora(backbone, recipe.lora, seed)


def _add_lora(backbone: Backbone, spec: LoraSpec, seed: int) -> None:
    from peft import LoraConfig, inject_adapter_in_model

    encoder = backbone.encoder
    layers = read_layers(encoder)
    linear = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear) and 0 <= layers.of.get(f"{name}.weight", -1) < layers.count
    ]
    ends = tuple(f".{target}" for target in spec.targets)
    targets = [name for name in linear if not ends or f".{name}".endswith(ends)]
    for target in spec.targets:
        if not any(f".{name}".endswith(f".{target}") for name in linear):
            known = dict.fromkeys(name.rpartition(".")[2] for name in linear)
            raise SpecError(
                f"lora.targets: no linear layer of the encoder is named '{target}'; there are "
                f"{', '.join(known) or 'none'}"
            )
    if not targets:
        raise SpecError(
            "lora updates linear layers, and this encoder's layers have none; leave lora out, or "
            "take an encoder with attention"
        )
    config = LoraConfig(r=spec.rank, lora_alpha=spec.alpha, target_modules=targets)
    with kept_generators():
        torch.manual_seed(seed_for("new_weights", seed=seed, part="lora"))
        inject_adapter_in_model(config, encoder)


def build_model(
    backbone: Backbone,
    head: nn.Module,
    recipe: FinetuneRecipe,
    separator: int | None,
    *,
    task: str,
    seed: int,
) -> TaskModel | ChunkModel:
    """Return an encoder with a head that pools as a recipe says.

    Args:
        backbone: is used itself and not copied.
        head: of the task; a `PooledHead` where the recipe changes how texts are pooled.
        recipe: of the fine-tune.
        separator: as `TaskModel` takes it.
        task: whose name decides the weights of attention over tokens and chunks.
        seed: decides them too.
    """
    if isinstance(head, PooledHead):
        head.pooling = build_pooling(recipe.pooling, backbone.width, task=task, seed=seed)
        if recipe.long_text == "chunks":
            return ChunkModel(backbone, head, recipe.chunk_pooling, task=task, seed=seed)
    return TaskModel(backbone, head, separator)


def lr_factor(backbone: Backbone, decay: float) -> Callable[[str], float]:
    """Return the factor of the rate of a parameter of a model, by its name.

    The head has 1, what stands after the layers and the top layer ``decay``, each layer below it
    ``decay`` times that of the one above, and the embeddings that of a layer below the first.
    """
    if decay == 1:
        return lambda name: 1.0
    layers = read_layers(backbone.encoder)

    def factor(name: str) -> float:
        layer = layers.of.get(name.removeprefix("backbone.encoder."))
        if not name.startswith("backbone.encoder.") or layer is None:
            return 1.0
        return decay ** (layers.count - min(layer, layers.count - 1))

    return factor
