"""One pretraining: what it trains, how far it is, and what it has cost."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from mae_bench.costs import Flops, StepShape, seconds_for, steps_for
from mae_bench.data.blocks import Blocks
from mae_bench.errors import DataError, DivergedError, SpecError
from mae_bench.masking import build_lexicon
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, Objective, parse_options
from mae_bench.pretraining.checkpoint import (
    Weights,
    load_state,
    save_checkpoint,
    save_state,
    versions,
    weights_of,
    write_json,
)
from mae_bench.pretraining.checkup import Checkup
from mae_bench.pretraining.external import outside_stack, price_of, starting_backbone
from mae_bench.pretraining.ranks import ALONE, Ranks
from mae_bench.pretraining.row_order import RowOrder
from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec
from mae_bench.training.muon import make_muon
from mae_bench.training.optim import make_optimizer
from mae_bench.training.precision import resolve_precision

Result = tuple[Weights, dict[str, object]]  # and what a pretraining has cost
STATE_FILE = "state.safetensors"  # in a folder that survives a kill


@dataclass(frozen=True)
class Folders:
    """What one pretraining reads and writes.

    Attributes:
        blocks: token rows.
        tokenizer: is copied into the checkpoint.
        teacher: of the objective (or Hub id as a path), if it has one.
        ngrams: the corpus' collocations, if the objective's masking needs them.
        encoder: to go on from; None starts from weights drawn by the seed.
        work: survives a kill, for the running state.
        out: empty, for the result.
    """

    blocks: Path
    tokenizer: Path
    teacher: Path | None
    ngrams: Path | None
    encoder: Path | None
    work: Path
    out: Path

    @property
    def state(self) -> Path:
        """The file of the running state."""
        return self.work / STATE_FILE


class Run:
    """One pretraining and what it has cost so far."""

    def __init__(
        self,
        spec: PretrainSpec,
        data: Blocks,
        folders: Folders,
        teacher: Path | None,
        device: str,
        ranks: Ranks = ALONE,
    ) -> None:
        """Build the objective; ``teacher`` is in the study's order of tokens."""
        self.spec, self.device, self.folders, self.ranks = spec, device, folders, ranks
        self.recipe = spec.recipe
        if data.row_length > spec.backbone.max_length:
            raise SpecError(
                f"corpus.row_length {data.row_length} is longer than the backbone's positions, "
                f"{spec.backbone.max_length}; raise backbone.max_length or shorten the rows"
            )
        kind = OBJECTIVES.get(spec.objective)
        options = parse_options(spec.objective, spec.options)
        if (encoder := folders.encoder) is None:
            backbone = build_backbone(spec.backbone, data.vocab_size, spec.seed)
        else:
            backbone = starting_backbone(spec.backbone, encoder, folders.tokenizer)
        lexicon = None
        requires = kind.requires(options)
        if requires.uses_lexicon:
            lexicon = build_lexicon(data.rows, data.vocab_size, folders.tokenizer, folders.ngrams)
        drawn = backbone.embedding.weight.detach().clone()
        objective = kind(
            backbone, spec.backbone, options, seed=spec.seed, teacher=teacher, lexicon=lexicon
        )
        # an objective may start from its teacher's encoder
        is_drawn = encoder is None and torch.equal(drawn, backbone.embedding.weight)
        self.objective: Objective = ranks.place(objective, device)
        self.requires = requires
        self.shape = StepShape(
            spec.backbone,
            self.recipe.batch_rows,
            data.row_length,
            data.vocab_size,
            outside_stack(self.objective, teacher),
        )
        self.step_flops: Flops = kind.flops_per_step(options, self.shape)
        paid = (price / requires.amortise_over for price in price_of(teacher))
        self.teacher_pretrain_flops, self.teacher_pretrain_s = paid
        self.budget_s = seconds_for(self.recipe.budget, self.teacher_pretrain_s)
        self.steps = steps_for(
            self.recipe.budget,
            self.step_flops.total,
            self.shape.tokens,
            self.teacher_pretrain_flops,
        )
        if self.steps is not None:
            requires.check_steps(self.steps)
        num_rows = len(data.rows)
        if kind.is_trained and num_rows < self.recipe.batch_rows:
            raise DataError(
                f"the corpus gives {num_rows} rows of {data.row_length} tokens, fewer than "
                f"pretrain.batch_rows {self.recipe.batch_rows}; give more text or a smaller batch"
            )
        self.data = data
        self.step, self.empty_steps, self.seconds = 0, 0, 0.0
        self.how, self.micro_rows = "off", max(1, self.recipe.batch_rows // ranks.size)
        self.num_together, self.why_alone = 1, ""
        self.curve: dict[str, list[float]] = {
            "step": [], "tokens": [], "seconds": [], "flops": [], "loss": [],
        }  # fmt: skip
        self.order = RowOrder(num_rows, self.recipe.batch_rows, spec.seed)
        self.checkup = ranks.examine(
            lambda: Checkup(self.objective, data, spec.seed, device, is_drawn)
        )

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer of the recipe."""
        recipe = self.recipe
        lr, decay, betas = recipe.peak_lr, recipe.weight_decay, (recipe.beta1, recipe.beta2)
        if recipe.optimizer == "muon":
            return make_muon(
                self.objective,
                lr=lr,
                weight_decay=decay,
                betas=betas,
                eps=recipe.eps,
                vocab_size=self.data.vocab_size,
            )
        named = self.objective.named_parameters()
        return make_optimizer(named, lr=lr, weight_decay=decay, betas=betas, eps=recipe.eps)

    def done_ratio(self, seconds: float) -> float:
        """Return the share of the budget that is spent."""
        if self.steps is None:
            assert self.budget_s is not None
            return seconds / self.budget_s
        return self.step / self.steps if self.steps else 1.0

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        """Go on from the saved state, if there is one; fill the optimizer's."""
        if not self.ranks.agree(self.folders.state.exists()):
            return
        notes = load_state(self.folders.state, self.objective, optimizer, self.device)
        self.step, self.seconds, self.curve = notes["step"], notes["seconds"], notes["curve"]
        self.empty_steps = notes["empty_steps"]
        rows = notes.get("micro_rows", self.recipe.batch_rows)  # of all ranks
        self.micro_rows = max(1, rows // self.ranks.size)

    def record(self, loss: float, seconds: float) -> None:
        """Add a point to the curve.

        Raises:
            DivergedError: the loss is not finite.
        """
        if not math.isfinite(loss):
            raise DivergedError(
                f"the pretraining loss of '{self.spec.objective}' became non-finite before step "
                f"{self.step}; lower pretrain.peak_lr (now {self.recipe.peak_lr:g})"
            )
        self.seconds = seconds
        point = {
            "step": self.step,
            "tokens": self.step * self.shape.tokens,
            "seconds": round(seconds, 3),
            "flops": self.step * self.step_flops.total + self.teacher_pretrain_flops,
            "loss": loss,
        }
        for name, value in point.items():
            self.curve[name].append(value)

    def check_learned(self) -> None:
        """Raise DataError where no step had anything to predict."""
        if self.step and self.empty_steps == self.step:
            raise DataError(
                f"'{self.spec.objective}' had nothing to predict in any of its {self.step} steps: "
                "the texts are too short for its ratios; raise the ratio (mask_ratio and its "
                "like), or give longer texts"
            )

    def save(self, optimizer: torch.optim.Optimizer, micro_rows: int) -> None:
        """Write the running state."""
        notes = {"step": self.step, "seconds": self.seconds, "curve": self.curve}
        notes |= {"empty_steps": self.empty_steps, "micro_rows": micro_rows * self.ranks.size}
        is_first = self.ranks.number == 0
        save_state(self.folders.state, self.objective, optimizer, notes, is_written=is_first)

    def report(self, progress: Progress, seconds: float) -> None:
        """Tell how far it is."""
        note = f"loss {self.curve['loss'][-1]:.3f}" if self.curve["loss"] else ""
        if self.steps is None:
            progress(seconds, self.budget_s or seconds, note)
        else:
            progress(self.step * self.shape.tokens, self.steps * self.shape.tokens, note)

    def result(self) -> Result:
        """Return the final weights and what they cost; every rank must ask."""
        return weights_of(self.objective), self.cost()

    def write(self, result: Result | None = None) -> None:
        """Write the checkpoint, its curve and its cost: ``result``, where it is known already."""
        out, (weights, cost) = self.folders.out, result or self.result()
        save_checkpoint(self.objective, self.folders.tokenizer, out, weights)
        write_json(self.spec.model_dump(mode="json"), out / SPEC_FILE)
        write_json(self.curve, out / "curve.json")
        write_json(cost, out / "cost.json")

    def cost(self) -> dict[str, object]:
        """Return what the run cost and how healthy it ended."""
        spent = self.step_flops.scaled(self.step)
        encoder = sum(p.numel() for p in self.objective.backbone.parameters())
        beside = sum(value.numel() for value in self.objective.state_to_save().values())
        return {
            "tokens": self.step * self.shape.tokens,
            "steps": self.step,
            "empty_steps": self.empty_steps,
            "flops": spent.total + self.teacher_pretrain_flops,
            "flops_parts": asdict(spent),
            "teacher_pretrain_flops": self.teacher_pretrain_flops,
            "teacher_pretrain_s": self.teacher_pretrain_s,
            "seconds": self.seconds,
            "params_encoder": encoder,
            "params_objective": beside,
            "precision": resolve_precision(self.recipe.precision, self.device),
            "device": self.device,
            "compiled": self.how,
            "seeds_together": self.num_together,
            "why_alone": self.why_alone,
            "micro_batch_rows": self.micro_rows,
            "num_ranks": self.ranks.size,
            "parallel": self.ranks.parallel,
            "num_threads": torch.get_num_threads(),
            "final_loss": self.curve["loss"][-1] if self.curve["loss"] else None,
            **self.ranks.examine(self.checkup.after),
            "versions": versions(),
        }
