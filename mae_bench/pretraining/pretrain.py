"""The one pretraining loop; it names no objective.

A run killed at any moment goes on from its last saved state and gives the same weights, bit for
bit on a CPU: order, masks and dropout are functions of (seed, epoch, step), never of a
generator's history. A budget in seconds is the exception, since its steps follow the clock.
"""

import math
import time
from dataclasses import asdict
from pathlib import Path

import torch

from mae_bench.costs import Flops, StepShape, seconds_for, steps_for
from mae_bench.data.blocks import Blocks, load_blocks
from mae_bench.errors import DataError, DivergedError, SpecError
from mae_bench.masking import build_lexicon
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, Objective, parse_options
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.checkpoint import (
    load_state,
    save_checkpoint,
    save_state,
    versions,
    weights_of,
    write_json,
)
from mae_bench.pretraining.checkup import Checkup
from mae_bench.pretraining.compiling import make_stepper
from mae_bench.pretraining.external import (
    fitted_teacher,
    outside_stack,
    price_of,
    starting_backbone,
)
from mae_bench.pretraining.optimizer import optimizer_of
from mae_bench.pretraining.rank_step import make_step
from mae_bench.pretraining.ranks import ALONE, Ranks
from mae_bench.pretraining.row_order import RowOrder
from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec
from mae_bench.training.optim import forget_moments, linear_schedule, set_lr
from mae_bench.training.precision import resolve_precision

SAVE_EVERY_S = 20.0
CURVE_POINTS = 200
SECONDS_BETWEEN_REPORTS = 0.5


def pretrain(
    spec: PretrainSpec,
    *,
    blocks: Path,
    tokenizer: Path,
    teacher: Path | None,
    ngrams: Path | None = None,
    encoder: Path | None = None,
    work: Path,
    out: Path,
    device: str,
    compile_by: str = "off",
    progress: Progress,
    ranks: Ranks = ALONE,
) -> None:
    """Pretrain by a spec and write the checkpoint folder ``out``.

    Args:
        spec: what to do.
        blocks: folder of token rows.
        tokenizer: folder that is copied into the checkpoint.
        teacher: folder (or Hub id as a path) of the objective's teacher, if it has one.
        ngrams: folder of the corpus' collocations, if the objective's masking needs them.
        encoder: folder to go on from; None starts from weights drawn by the seed.
        work: folder that survives a kill, for the running state.
        out: empty folder for the result.
        device: ``cpu`` or ``cuda``.
        compile_by: how steps are run, as in `make_stepper`.
        progress: called with the tokens done and the tokens to do.
        ranks: that train together; each calls this with the same arguments, the first writes.

    Raises:
        DivergedError: the loss became non-finite.
        DataError: fewer rows than a batch, or no step in which a token is predicted.
    """
    with ranks.together():
        data = load_blocks(blocks)
        with fitted_teacher(teacher, tokenizer, ranks.own_work(work)) as fitted:
            run = _Run(spec, data, fitted, tokenizer, ngrams, encoder, device, ranks)
        if run.objective.is_trained:
            run.train(work / "state.safetensors", compile_by, progress)
        weights, cost = weights_of(run.objective), run.cost()
    if ranks.number:
        return
    save_checkpoint(run.objective, tokenizer, out, weights)
    write_json(spec.model_dump(mode="json"), out / SPEC_FILE)
    write_json(run.curve, out / "curve.json")
    write_json(cost, out / "cost.json")


class _Run:
    """One pretraining and what it has cost so far."""

    def __init__(
        self,
        spec: PretrainSpec,
        data: Blocks,
        teacher: Path | None,
        tokenizer: Path,
        ngrams: Path | None,
        encoder: Path | None,
        device: str,
        ranks: Ranks,
    ) -> None:
        self.spec, self.device, self.ranks = spec, device, ranks
        self.recipe = spec.recipe
        if data.row_length > spec.backbone.max_length:
            raise SpecError(
                f"corpus.row_length {data.row_length} is longer than the backbone's positions, "
                f"{spec.backbone.max_length}; raise backbone.max_length or shorten the rows"
            )
        kind = OBJECTIVES.get(spec.objective)
        options = parse_options(spec.objective, spec.options)
        if encoder is None:
            backbone = build_backbone(spec.backbone, data.vocab_size, spec.seed)
        else:
            backbone = starting_backbone(spec.backbone, encoder, tokenizer)
        lexicon = None
        requires = kind.requires(options)
        if requires.uses_lexicon:
            lexicon = build_lexicon(data.rows, data.vocab_size, tokenizer, ngrams)
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
        self.how, self.micro_rows = "off", self.recipe.batch_rows
        self.curve: dict[str, list[float]] = {
            "step": [], "tokens": [], "seconds": [], "flops": [], "loss": [],
        }  # fmt: skip
        self.order = RowOrder(num_rows, self.recipe.batch_rows, spec.seed)
        self.checkup = ranks.examine(
            lambda: Checkup(self.objective, data, spec.seed, device, is_drawn)
        )

    def train(self, state: Path, compile_by: str, progress: Progress) -> None:
        recipe = self.recipe
        optimizer = optimizer_of(self.objective, recipe, self.data.vocab_size)
        least = self.requires.least_tokens(self.data.row_length)
        batches = Batches(self.data, self.order, self.device, least)
        step = make_step(
            self.ranks, self.objective, optimizer, batches, recipe, self.spec.seed, self.requires
        )
        if self.ranks.agree(state.exists()):
            notes = load_state(state, self.objective, optimizer, self.device)
            self.step, self.seconds, self.curve = notes["step"], notes["seconds"], notes["curve"]
            self.empty_steps = notes["empty_steps"]
            rows = notes.get("micro_rows", recipe.batch_rows)  # of all ranks
            step.micro_rows = max(1, rows // self.ranks.size)
        stepper = make_stepper(step, compile_by)
        every = max(1, self.steps // CURVE_POINTS) if self.steps else 10
        num_losses = 0
        started = time.perf_counter() - self.seconds
        last_save = last_report = time.perf_counter()
        self.objective.train()
        before = (self.step - 1) / self.steps if self.steps and self.step else 0.0
        while (done := self._done_ratio(self._elapsed(started))) < 1:
            # The rate of the middle of a step: at its start the first step would have rate 0.
            middle = done + 0.5 / self.steps if self.steps else done
            if any(before < share <= done for share in self.requires.restarts_at):
                # The moments are those of another loss, the one of the phase before.
                forget_moments(optimizer)
            before = done
            set_lr(optimizer, recipe.peak_lr * linear_schedule(middle, recipe.warmup_ratio))
            has_learned = stepper(self.step, done)
            self.step += 1
            num_losses += has_learned
            self.empty_steps += not has_learned
            now, elapsed = time.perf_counter(), self._elapsed(started)
            if self.step % every == 0 or self._done_ratio(elapsed) >= 1:
                if num_losses:
                    self._record(float(step.loss_sum) / num_losses, time.perf_counter() - started)
                step.loss_sum.zero_()
                num_losses = 0
                if self.ranks.agree(now - last_save > SAVE_EVERY_S):
                    self._save(state, optimizer, step.micro_rows)
                    last_save = now
            if now - last_report > SECONDS_BETWEEN_REPORTS:
                last_report = now
                self._report(progress, now - started)
        self.seconds = time.perf_counter() - started
        self.how, self.micro_rows = stepper.how, step.micro_rows
        optimizer.zero_grad(set_to_none=True)
        self.objective.eval()
        if self.step and self.empty_steps == self.step:
            raise DataError(
                f"'{self.spec.objective}' had nothing to predict in any of its {self.step} steps: "
                "the texts are too short for its ratios; raise the ratio (mask_ratio and its "
                "like), or give longer texts"
            )

    def _elapsed(self, started: float) -> float:
        """Return the seconds since a start; those of the first rank where they decide."""
        elapsed = time.perf_counter() - started
        return elapsed if self.steps is not None else self.ranks.seconds(elapsed)

    def _done_ratio(self, seconds: float) -> float:
        if self.steps is None:
            assert self.budget_s is not None
            return seconds / self.budget_s
        return self.step / self.steps if self.steps else 1.0

    def _record(self, loss: float, seconds: float) -> None:
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

    def _save(self, state: Path, optimizer: torch.optim.Optimizer, micro_rows: int) -> None:
        notes = {"step": self.step, "seconds": self.seconds, "curve": self.curve}
        notes |= {"empty_steps": self.empty_steps, "micro_rows": micro_rows * self.ranks.size}
        save_state(state, self.objective, optimizer, notes, is_written=self.ranks.number == 0)

    def _report(self, progress: Progress, seconds: float) -> None:
        note = f"loss {self.curve['loss'][-1]:.3f}" if self.curve["loss"] else ""
        if self.steps is None:
            progress(seconds, self.budget_s or seconds, note)
        else:
            progress(self.step * self.shape.tokens, self.steps * self.shape.tokens, note)

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
            "micro_batch_rows": self.micro_rows,
            "num_ranks": self.ranks.size,
            "parallel": self.ranks.parallel,
            "num_threads": torch.get_num_threads(),
            "final_loss": self.curve["loss"][-1] if self.curve["loss"] else None,
            **self.ranks.examine(self.checkup.after),
            "versions": versions(),
        }
