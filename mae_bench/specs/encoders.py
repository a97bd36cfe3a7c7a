"""Encoders that a study evaluates and does not pretrain."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mae_bench.specs.base import Frozen, InWords

OUTSIDE = "outside"  # what rows name as the objective of an encoder that was not pretrained here


class EncoderSpec(Frozen):
    """An arm that nobody pretrains here: any encoder that transformers loads.

    It is read with its own tokenizer, and its weights must be safetensors.

    Attributes:
        label: the arm's name in claims and reports, which must be unique.
        origin: ``from`` in a study: its folder, or ``owner/name@commit`` on the Hub.
    """

    label: Annotated[str, Field(min_length=1), InWords("a text", implied="the folder's name")]
    origin: Annotated[str, Field(min_length=1, alias="from")]

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write what a study may hold."""
        content: dict[str, Any] = handler(self)
        return {"label": content["label"], "from": self.origin}
