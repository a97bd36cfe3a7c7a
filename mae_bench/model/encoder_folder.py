"""Reads the encoder of a transformers folder: any that gives a vector for each token."""

from collections.abc import Iterator
from contextlib import contextmanager
from logging import Filter, LogRecord
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mae_bench.backbones import Architecture, architecture_of_config
from mae_bench.data.encoder_files import read_config
from mae_bench.errors import SpecError

UNUSED = "pooler"  # BERT's and its kin's: a second vector for a text, which nothing here reads


def quiet_transformers() -> None:
    """Stop transformers from drawing bars and reporting poolers for hundreds of checkpoints."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.get_logger("transformers.modeling_utils").addFilter(_no_pooler)


class NoPooler(Filter):
    """Drops a report of transformers that says no more than that a pooler has no weights.

    No encoder here is saved with a pooler, or uses one.
    """

    def filter(self, record: LogRecord) -> bool:
        """Whether the record stays: the first row of a report is its heading."""
        message = record.getMessage()
        keys = [line.split("|")[0].strip() for line in message.splitlines() if "|" in line][1:]
        return "LOAD REPORT" not in message or any(not key.startswith("pooler.") for key in keys)


_no_pooler = NoPooler()  # one: a logger holds each filter once


def architecture_of_folder(folder: Path | str) -> Architecture:
    """Return the architecture of an encoder's folder; what is assumed of others for a Hub id."""
    try:
        return architecture_of_config(read_config(Path(folder)))
    except SpecError:  # transformers says what is wrong with it
        return architecture_of_config({})


def read_encoder(folder: Path | str, dropout: float | None) -> nn.Module:
    """Return the encoder of a folder or Hub id in float32; of an encoder-decoder its encoder.

    Args:
        folder: with config.json and safetensors weights.
        dropout: rate of every dropout; None keeps those of the folder.

    Raises:
        SpecError: transformers cannot load it without code of its own, or weights are missing.
    """
    model, missing = read_model(folder, "AutoModel", dropout)
    if missing:
        raise SpecError(
            f"'{folder}' lacks weights of the encoder that its config.json describes, which would "
            f"be random: {some(missing)}; write the whole model by save_pretrained"
        )
    if getattr(model.config, "is_encoder_decoder", False):
        encoder: nn.Module = model.get_encoder()
        return encoder
    whole: nn.Module = model
    return whole


def read_model(
    folder: Path | str, auto_class: str, dropout: float | None = None
) -> tuple[Any, list[str]]:
    """Return a model in float32, and those of its weights that no file holds: they are random.

    Args:
        folder: with config.json and safetensors weights.
        auto_class: of transformers, such as ``AutoModelForMaskedLM``.
        dropout: rate of every dropout; None keeps those of the folder.

    Raises:
        SpecError: transformers cannot load it without code of its own.
    """
    import transformers

    arch = architecture_of_folder(folder)
    arch.register_model()
    try:
        with _few_words():
            config = transformers.AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
            for name in arch.dropout_names if dropout is not None else ():
                if hasattr(config, name):
                    setattr(config, name, dropout)
            model, report = getattr(transformers, auto_class).from_pretrained(
                str(folder),
                config=config,
                attn_implementation=arch.kernel,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
                trust_remote_code=False,
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise SpecError(
            f"'{folder}' is not an encoder that transformers can load from safetensors: "
            f"{first_line}"
        ) from error
    names = [str(name) for name in report["missing_keys"]]
    return model, sorted(name for name in names if UNUSED not in name.split("."))


def some(names: list[str]) -> str:
    """Return the first of some names of weights, and how many more there are."""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"'{names[0]}'{more}"


@contextmanager
def _few_words() -> Iterator[None]:
    """Keep transformers from reporting weights that no encoder needs, such as those of heads."""
    from transformers.utils import logging

    quiet_transformers()
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
