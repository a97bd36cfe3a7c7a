"""The options of objectives that decode removed tokens, what they build and what that costs."""

from typing import Annotated, Literal

from pydantic import Field

from mae_bench.backbones import architecture_of
from mae_bench.costs import TRAIN, Stack
from mae_bench.errors import SpecError
from mae_bench.model.cross_decoder import CrossDecoder, cross_forward
from mae_bench.model.decoder import Decoder, MaskedDecoder
from mae_bench.specs import BackboneSpec, Frozen

Size = Annotated[int, Field(ge=1)]


class DecoderOptions(Frozen):
    """One self-attention layer as wide as the encoder.

    Attributes:
        decoder_layers: depth.
        decoder_width: the encoder's where left out.
        decoder_heads: as many as give the backbone's head size where left out.
        decoder_attention: ``self`` runs the backbone's kind of layer over readable and removed
            positions together (He et al. 2022, arXiv:2111.06377); with ``cross`` the removed
            positions alone read the others (CrossMAE, Fu et al. 2024, arXiv:2401.14391).
        mask_vector: at removed positions stands a ``learned`` vector of the decoder, or the
            encoder's input embedding of [MASK], ``shared`` as in the code that Meng et al. 2024
            (arXiv:2302.02060) released.
    """

    decoder_layers: Size = 1
    decoder_width: Size | None = None
    decoder_heads: Size | None = None
    decoder_attention: Literal["self", "cross"] = "self"
    mask_vector: Literal["learned", "shared"] = "learned"

    def width(self, spec: BackboneSpec) -> int:
        """Return the decoder's width."""
        return self.decoder_width or spec.width

    def build_decoder(self, spec: BackboneSpec) -> MaskedDecoder:
        """Return the decoder, initialised by the global generator."""
        kind = Decoder if self.decoder_attention == "self" else CrossDecoder
        return kind(
            spec,
            layers=self.decoder_layers,
            width=self.width(spec),
            heads=self.decoder_heads,
            has_mask_vector=self.mask_vector == "learned",
        )

    def decoder_flops(
        self, spec: BackboneSpec, rows: int, length: int, removed: int, sets: int = 1
    ) -> float:
        """Return a training step's operations: a pass over whole rows for each set of removed."""
        sizes = ((removed + index) // sets for index in range(sets))
        return TRAIN * sum(self._pass(spec, rows, length - size, size) for size in sizes)

    def _pass(self, spec: BackboneSpec, rows: int, read: int, removed: int) -> float:
        width, layers = self.width(spec), self.decoder_layers
        if self.decoder_attention == "self":
            forward = Stack.of(spec, layers=layers, width=width).forward(rows, read + removed)
        else:
            forward = rows * cross_forward(spec, width, layers, read, removed)
        if width != spec.width:
            forward += 2.0 * rows * read * spec.width * width
        return forward

    def check_decoder(self, spec: BackboneSpec, objective: str) -> None:
        """Raise SpecError where heads do not divide the width, or cannot be rotated."""
        width = self.width(spec)
        head_size = spec.width // spec.heads
        arch = architecture_of(spec)
        if not arch.has_attention and self.decoder_attention == "self":
            self._check_recurrent(spec, objective)
            return
        if self.decoder_heads is None and width % head_size:
            raise SpecError(
                f"decoder_width {width} must be a multiple of the backbone's head size "
                f"{head_size} (objective '{objective}'); change it, or set decoder_heads"
            )
        heads = self.decoder_heads or width // head_size
        is_rotated = self.decoder_attention == "cross" or arch.has_rotary_positions
        if width % heads or (is_rotated and width // heads % 2):
            raise SpecError(
                f"decoder_heads {heads} must divide decoder_width {width} into heads of "
                f"{'even' if is_rotated else 'equal'} size (objective '{objective}'); "
                "change one of them"
            )

    def _check_recurrent(self, spec: BackboneSpec, objective: str) -> None:
        width, head_size = self.width(spec), spec.width // spec.heads
        if self.decoder_heads is not None:
            raise SpecError(
                f"decoder_heads {self.decoder_heads} has no effect on a decoder of recurrent "
                f"layers, which backbone.arch '{spec.arch}' makes (objective '{objective}'); leave "
                "it out, or set decoder_attention: cross"
            )
        if width % head_size or width % 2:  # each direction has half of it
            raise SpecError(
                f"decoder_width {width} must be even and a multiple of the backbone's head size "
                f"{head_size} (objective '{objective}'); change it"
            )
