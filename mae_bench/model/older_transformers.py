"""Encoders of transformers 5.0 and torch 2.11, held to what later versions do."""

import sys
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, TypeVar

from torch import nn

from mae_bench.model.older_modernbert import follow_later_modernbert

Module = TypeVar("Module", bound=nn.Module)
ASKS = "maybe_autocast"  # by which transformers turns autocast off where positions are rotated
WARNS = "warn_if_padding_and_no_attention_mask"  # for which it reads ids on the host
SILENT_LATER = ("modernbert", "mpnet")


def follow_later(encoder: Module) -> Module:
    """Return the encoder after its code, where it is an older one, was brought up to date."""
    follow_later_modernbert(encoder)
    if getattr(getattr(encoder, "config", None), "model_type", None) in SILENT_LATER:
        setattr(encoder, WARNS, _keep_silent)
    for name in {type(part).__module__ for part in encoder.modules()}:
        asks = getattr(sys.modules.get(name), ASKS, None)
        if asks is not None and not _knows_meta(asks):
            setattr(sys.modules[name], ASKS, _none_on_meta(asks))
    return encoder


def _knows_meta(asks: Any) -> bool:
    try:
        asks("meta", enabled=False)
    except RuntimeError:  # torch does not know whether autocast is on there
        return False
    return True


def _none_on_meta(asks: Any) -> Any:
    """Leave autocast as it is on the meta device, where nothing has a precision."""

    @wraps(asks)
    def answer(device_type: str, *args: Any, **given: Any) -> AbstractContextManager[None]:
        if device_type == "meta":
            return nullcontext()
        entered: AbstractContextManager[None] = asks(device_type, *args, **given)
        return entered

    return answer


def _keep_silent(*_: object) -> None:
    """Say nothing: rows without a mask have no padding here."""
