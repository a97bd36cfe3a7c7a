"""What every registered backbone must keep to, as checks that raise a sentence.

Each builds encoders of two or three small layers; all of them take seconds. Legend: B rows, S
tokens a row, D hidden size.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from mae_bench.backbones import BACKBONES, Architecture, content_of, find_architecture
from mae_bench.contract.fixtures import FLOPS_SHAPES, FLOPS_TOLERANCE, V, rows
from mae_bench.contract.outcome import outcomes
from mae_bench.contract.views import hold
from mae_bench.data.encoders import require_sizes
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, build_backbone, build_config, load_backbone
from mae_bench.model.generators import kept_generators
from mae_bench.model.layers import beside_layers, layer_numbers
from mae_bench.model.matching import last_projections
from mae_bench.specs import BackboneSpec

NEAR = 2e-5  # of hidden states, which norms keep near 1
DROPOUT = 0.3


@dataclass(frozen=True)
class BackboneCase:
    """One registered backbone, and a folder where its encoders may lie."""

    name: str
    folder: Path

    @property
    def arch(self) -> Architecture:
        """What is registered."""
        return BACKBONES.get(self.name)

    def spec(self, layers: int = 2, width: int = 32, heads: int = 2) -> BackboneSpec:
        """Return a small backbone of it."""
        return BackboneSpec(
            arch=self.name, num_layers=layers, hidden_size=width, num_heads=heads, max_length=64
        )

    def make(self, seed: int = 0, dropout: float = 0.0) -> Backbone:
        """Return a small one with its first weights, in evaluation mode."""
        spec = self.spec().model_copy(update={"dropout": dropout})
        return build_backbone(spec, V, seed).eval()

    def saved(self, backbone: Backbone) -> Path:
        """Write its encoder and return the folder."""
        folder = self.folder / f"backbone-{self.name}"
        backbone.encoder.save_pretrained(folder)  # type: ignore[operator]
        return folder


def _near(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, atol=NEAR, rtol=0)


def check_declaration(case: BackboneCase) -> None:
    """It says in phrases what it is and where it comes from."""
    for field in ("summary", "source"):
        hold(bool(getattr(case.arch, field, "")), f"it has no {field}; say one in a phrase")


def check_sizes(case: BackboneCase) -> None:
    """Its config holds the study's sizes, and a folder of it is read as the same backbone."""
    spec, backbone = case.spec(), case.make()
    content = content_of(backbone.config)
    match = find_architecture(content)
    hold(
        match is not None and match[0] == case.name,
        f"its config is read as that of {match and match[0]}; model_type or is_config must tell",
    )
    wanted, got = case.arch.sizes_of(spec), case.arch.read_sizes(content)
    hold(got == wanted, f"read_sizes gives {got} for a config that was made of {wanted}")
    hold(backbone.vocab_size == V, f"its config says vocab_size {backbone.vocab_size} for {V}")
    shape = tuple(backbone.embedding.weight.shape)
    hold(
        shape == (V, backbone.width),
        f"its token embedding is {shape}; heads are tied to one of (tokens, hidden size)",
    )
    require_sizes(spec, case.saved(backbone))


def check_layers(case: BackboneCase) -> None:
    """Its parameters name their layers, all of them, and so many hidden states come out."""
    for layers in (1, 3):
        backbone = build_backbone(case.spec(layers), V, 0).eval()
        named = layer_numbers(backbone.encoder)
        hold(
            named == set(range(layers)),
            f"layer_name finds the layers {sorted(named)} among the parameters of {layers}",
        )
        with torch.no_grad():
            states, last = backbone.layers(rows().ids), backbone(rows().ids)
        hold(
            len(states) == layers + 1 and torch.equal(states[-1], last),
            f"{len(states)} hidden states come out of {layers} layers; the embedding and every "
            "layer must, and the last as it is given",
        )
    deep, shallow = (beside_layers(build_backbone(case.spec(n), V, 0).encoder) for n in (3, 1))
    hold(
        deep == shallow,
        f"a deeper one also has {', '.join(sorted(deep - shallow)[:3])}, which layer_name takes "
        "for parts of no layer; let it match every list with an entry for each layer",
    )


def check_flops(case: BackboneCase) -> None:
    """`forward_flops` is within 1% of torch's own count at several shapes."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    for layers, width, heads, length, count in FLOPS_SHAPES:
        spec = case.spec(layers, width, heads)
        backbone = build_backbone(spec, V, 0).to("meta")
        ids = rows(count=count, length=length).ids.to("meta")
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            backbone(ids)
        counted = float(counter.get_total_flops())
        formula = case.arch.forward_flops(case.arch.sizes_of(spec), count, length)
        hold(
            abs(formula - counted) <= FLOPS_TOLERANCE * counted,
            f"forward_flops says {formula:.4g}, torch counts {counted:.4g} ({layers} layers of "
            f"{width}, {count} rows of {length})",
        )


def check_dropout(case: BackboneCase) -> None:
    """A study's ratio reaches every dropout, when it is built and when it is loaded."""
    noisy = case.make(dropout=DROPOUT)
    lacking = [name for name in case.arch.dropout_names if not hasattr(noisy.config, name)]
    hold(not lacking, f"its config has no {', '.join(lacking)}, which dropout_names holds")
    folder = case.saved(noisy)
    for backbone in (noisy, load_backbone(folder), load_backbone(folder, DROPOUT)):
        ratios = {part.p for part in backbone.modules() if isinstance(part, nn.Dropout)}
        hold(ratios <= {DROPOUT}, f"dropouts of {sorted(ratios)} stand in one of {DROPOUT}")
        hold(not _is_still(backbone), f"a dropout of {DROPOUT} moves nothing in training")
    for backbone in (case.make(), load_backbone(folder, 0.0)):
        hold(_is_still(backbone), "without dropout two passes in training differ; name all of it")
    changed = case.make()
    changed.set_dropout(DROPOUT)
    hold(
        torch.equal(_in_training(changed), _in_training(noisy)),
        f"set_dropout({DROPOUT}) does not give what an encoder built with {DROPOUT} does; hold "
        "every ratio in an nn.Dropout, or in an attribute with dropout in its name",
    )
    changed.set_dropout(0.0)
    hold(_is_still(changed), "set_dropout(0) leaves dropout on")


def _in_training(backbone: Backbone) -> Tensor:
    """Return the hidden states of a pass in training, always with the same draws."""
    backbone.train()
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        hidden: Tensor = backbone(rows().ids)
    return hidden


def _is_still(backbone: Backbone) -> bool:
    """Whether two passes in training give the same."""
    backbone.train()
    with torch.no_grad(), kept_generators():
        first, second = (backbone(rows().ids) for _ in range(2))
    return torch.equal(first, second)


def check_padding(case: BackboneCase) -> None:
    """No real token reads padding, wherever that stands."""
    backbone, block = case.make(), rows(is_padded=True)
    assert block.is_pad is not None
    is_pad = block.is_pad.clone()
    is_pad[0, 3:6] = True
    positions = torch.arange(is_pad.shape[1]).expand_as(is_pad)
    other = torch.where(is_pad, (block.ids + 11) % V, block.ids)
    with torch.no_grad():
        first, second = (backbone(ids, positions, is_pad) for ids in (block.ids, other))
        hold(_near(first[~is_pad], second[~is_pad]), "padding moves what real tokens get")
        for row, is_real in enumerate(~is_pad):
            alone = backbone(block.ids[row, is_real][None], positions[row, is_real][None])
            hold(_near(first[row, is_real], alone[0]), "a text alone gets another vector")


def check_gaps(case: BackboneCase) -> None:
    """Positions are those that are given: what is left of a row stays where it was."""
    backbone, ids = case.make(), rows(length=48).ids
    kept = torch.cat([torch.arange(6), torch.arange(40, 48)]).expand(len(ids), -1)
    is_removed = torch.ones_like(ids, dtype=torch.bool).scatter(1, kept, False)
    with torch.no_grad():
        hidden = backbone(ids, None, is_removed)
        wanted = hidden.gather(1, kept[..., None].expand(-1, -1, backbone.width))
        seen = ids.gather(1, kept)
        hold(_near(backbone(seen, kept), wanted), "removing tokens differs from hiding them")
        hold(not _near(backbone(seen), wanted), "positions that are given move nothing")


def check_attention(case: BackboneCase) -> None:
    """What a token must not see moves nothing; without attention that is refused."""
    backbone, ids = case.make(), rows().ids
    if not case.arch.has_attention:
        try:
            backbone(ids, is_causal=True)
        except SpecError:
            return
        hold(False, "it takes a causal mask and says has_attention = False; raise SpecError")
    later, is_unseen = ids.clone(), torch.zeros_like(ids, dtype=torch.bool)
    later[:, 12], is_unseen[:, 12] = (ids[:, 12] + 11) % V, True
    with torch.no_grad():
        first, second = (backbone(given, is_causal=True) for given in (ids, later))
        hold(_near(first[:, :12], second[:, :12]), "a token reads a later one under a causal mask")
        hold(not _near(first[:, 13:], second[:, 13:]), "a causal mask hides earlier tokens")
        first, second = (backbone(given, is_unseen=is_unseen) for given in (ids, later))
        is_other = ~is_unseen
        hold(_near(first[is_other], second[is_other]), "a token reads one that none may see")


def check_vectors(case: BackboneCase) -> None:
    """Vectors are read in place of tokens, as in a decoder, whose layers have other sizes."""
    backbone, ids = case.make(), rows().ids
    with torch.no_grad():
        vectors = backbone.embedding(ids)
        hold(
            _near(backbone(ids, inputs_embeds=vectors), backbone(ids)),
            "its tokens' embeddings as inputs_embeds give another result",
        )
        resized = case.arch.build(build_config(case.spec(), V, layers=1, width=64)).eval()
        resized.set_input_embeddings(nn.Identity())  # type: ignore[operator]
        output = resized(inputs_embeds=torch.ones(2, 5, 64)).last_hidden_state
        hold(output.shape == (2, 5, 64), f"a stack of width 64 gives {list(output.shape)}")


def check_projections(case: BackboneCase) -> None:
    """Queries, keys and values of the last attention are found, where it names them."""
    if not case.arch.projections:
        return
    backbone = case.make()
    with torch.no_grad(), last_projections(backbone.encoder) as projected:
        backbone(rows().ids)
    widths = [states.shape[-1] for states in projected]
    hold(
        widths == [backbone.width] * 3,
        f"projections gives widths {widths}; queries, keys and values have {backbone.width} each",
    )


def check_weights(case: BackboneCase) -> None:
    """Weights follow from the seed, a gradient reaches each, and saving keeps them."""
    backbone, again, other = case.make(), case.make(), case.make(seed=1)
    names = backbone.state_dict()
    hold(
        all(torch.equal(value, names[name]) for name, value in again.state_dict().items()),
        "two encoders of one seed differ; draw from torch's global generator",
    )
    hold(not torch.equal(backbone.embedding.weight, other.embedding.weight), "no seed moves it")
    output = copy.deepcopy(backbone).train()
    output(rows().ids).pow(3).sum().backward()
    silent = [name for name, p in output.named_parameters() if p.grad is None]
    hold(not silent, f"no gradient reaches {', '.join(silent[:3])}; leave it out of the model")
    with torch.no_grad():
        loaded = load_backbone(case.saved(backbone)).eval()(rows().ids)
        hold(torch.equal(loaded, backbone(rows().ids)), "saved and loaded it gives other vectors")


CHECKS: dict[str, Callable[[BackboneCase], None]] = {
    "declaration": check_declaration,
    "sizes": check_sizes,
    "layers": check_layers,
    "flops": check_flops,
    "dropout": check_dropout,
    "padding": check_padding,
    "gaps": check_gaps,
    "attention": check_attention,
    "vectors": check_vectors,
    "projections": check_projections,
    "weights": check_weights,
}


def run_checks(case: BackboneCase) -> Iterator[tuple[str, str]]:
    """Yield each check with what is wrong, or with nothing."""
    return outcomes(CHECKS, case)
