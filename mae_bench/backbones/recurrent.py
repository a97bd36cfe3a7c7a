"""What recurrent encoders have in common: two directions of half the width, no attention."""

from collections.abc import Mapping
from typing import Any, ClassVar

from mae_bench.backbones.base import Architecture, Sizes
from mae_bench.errors import SpecError
from mae_bench.specs import BackboneSpec


class Recurrent(Architecture):
    """Layers of bidirectional recurrences, a control of attention.

    They have no MLP: ``num_heads`` and ``mlp_ratio`` of a study mean nothing to them.

    Attributes:
        cell: the field of its config that tells them apart.
        num_gates: matrices of a cell.
    """

    model_type = "mae_bench_recurrent"
    dropout_names = ("dropout",)
    layer_name = "layers|norms"  # a layer and the norm of its input stand in a list each
    has_attention = False
    cell: ClassVar[str]
    num_gates: ClassVar[int]

    def config(
        self, sizes: Sizes, *, vocab_size: int, dropout: float, special_ids: Mapping[str, int]
    ) -> Any:
        """Return a RecurrentConfig."""
        from mae_bench.backbones.recurrent_model import RecurrentConfig

        if sizes.width % 2:
            raise SpecError(f"a width of {sizes.width} is not even, as arch '{self.cell}' needs it")
        fields: dict[str, Any] = {
            "vocab_size": vocab_size,
            "hidden_size": sizes.width,
            "num_hidden_layers": sizes.layers,
            "max_position_embeddings": sizes.max_length,
            "dropout": dropout,
            **special_ids,
        }
        return RecurrentConfig(cell=self.cell, **fields)

    def forward_flops(self, sizes: Sizes, rows: int, length: int) -> float:
        """Return the operations of all gates.

        A layer reads 1.5 D values (input and state) into D / 2 units a gate, in two directions.
        """
        return float(sizes.layers * rows * length * self.num_gates * 3 * sizes.width**2)

    def inner(self, width: int, mlp_ratio: float) -> int:
        """Return 0: a recurrent layer has no MLP."""
        return 0

    def mlp_ratio(self, width: int, inner: int) -> float:
        """Return 0: a recurrent layer has no MLP."""
        return 0.0

    def read_sizes(self, config: Mapping[str, Any]) -> Sizes:
        """Read layers, width and positions."""
        return Sizes(
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            heads=0,
            inner=0,
            max_length=config["max_position_embeddings"],
        )

    def is_config(self, config: Mapping[str, Any]) -> bool:
        """Whether a config.json has its model type and its cell."""
        return super().is_config(config) and config.get("cell") == self.cell

    def check(self, spec: BackboneSpec) -> None:
        """Raise SpecError for an odd width: each direction has half of it."""
        if spec.width % 2:
            raise SpecError(
                f"hidden_size {spec.width} must be even for arch '{self.cell}', which gives each "
                "direction half of it",
                "hidden_size",
            )

    def register_model(self) -> None:
        """Import the classes, which register themselves."""
        import mae_bench.backbones.recurrent_model  # noqa: F401
