"""The one pretraining loop; it names no objective.

A run killed at any moment goes on from its last saved state and gives the same weights, bit for
bit on a CPU: order, masks and dropout are functions of (seed, epoch, step), never of a
generator's history. A budget in seconds is the exception, since its steps follow the clock.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mae_bench.data.blocks import load_blocks
from mae_bench.pretraining.batches import Batches
from mae_bench.pretraining.compiling import make_stepper
from mae_bench.pretraining.external import fitted_teacher
from mae_bench.pretraining.rank_step import make_step
from mae_bench.pretraining.ranks import ALONE, Ranks
from mae_bench.pretraining.run import Folders, Run
from mae_bench.pretraining.step import Step, Stepper
from mae_bench.progress import Progress
from mae_bench.specs import PretrainSpec
from mae_bench.training.optim import forget_moments, linear_schedule, set_lr

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
    why_alone: str = "",
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
        why_alone: why no other seed was trained with it, where that was asked for.
        progress: called with the tokens done and the tokens to do.
        ranks: that train together; each calls this with the same arguments, the first writes.

    Raises:
        DivergedError: the loss became non-finite.
        DataError: fewer rows than a batch, or no step in which a token is predicted.
    """
    folders = Folders(blocks, tokenizer, teacher, ngrams, encoder, work, out)
    with ranks.together():
        data = load_blocks(blocks)
        with fitted_teacher(teacher, tokenizer, ranks.own_work(work)) as fitted:
            run = Run(spec, data, folders, fitted, device, ranks)
        run.why_alone = why_alone
        if run.objective.is_trained:
            optimizer = run.make_optimizer()
            least = run.requires.least_tokens(data.row_length)
            batches = Batches(data, run.order, device, least)
            given = run.objective, optimizer, batches, run.recipe, spec.seed, run.requires
            step = make_step(ranks, *given)
            run.restore(optimizer)
            step.micro_rows = run.micro_rows
            stepper = make_stepper(step, compile_by)
            train([run], step, stepper, lambda: run.save(optimizer, step.micro_rows), progress)
        result = run.result()
    if ranks.number == 0:
        run.write(result)


def train(
    runs: Sequence[Run],
    step: Step,
    stepper: Stepper,
    save: Callable[[], None],
    progress: Progress,
) -> None:
    """Train until the budget is spent.

    Args:
        runs: that a step moves on, all as far as each other and of one budget: one, or seeds of
            one arm. Each is charged an equal share of the time.
        step: one by one; its ``loss_sum`` holds a number for each run.
        stepper: that makes the steps.
        save: writes the running state of each run.
        progress: called with the tokens of a run that are done and those to do.

    Raises:
        DivergedError: the loss of a run became non-finite.
        DataError: no step in which a token is predicted.
    """
    run, recipe, optimizer, num_runs = runs[0], runs[0].recipe, step.optimizer, len(runs)
    steps, restarts_at = run.steps, run.requires.restarts_at
    every = max(1, steps // CURVE_POINTS) if steps else 10
    num_losses = 0
    started = time.perf_counter() - sum(each.seconds for each in runs)
    last_save = last_report = time.perf_counter()
    for each in runs:
        each.objective.train()

    def seconds(now: float) -> float:
        return (now - started) / num_runs

    def done_ratio() -> float:
        now = seconds(time.perf_counter())
        return run.done_ratio(run.ranks.seconds(now) if steps is None else now)

    before = (run.step - 1) / steps if steps and run.step else 0.0
    while (done := done_ratio()) < 1:
        # The rate of the middle of a step: at its start the first step would have rate 0.
        middle = done + 0.5 / steps if steps else done
        if any(before < share <= done for share in restarts_at):
            # The moments are those of another loss, the one of the phase before.
            forget_moments(optimizer)
        before = done
        set_lr(optimizer, recipe.peak_lr * linear_schedule(middle, recipe.warmup_ratio))
        has_learned = stepper(run.step, done)
        num_losses += has_learned
        for each in runs:
            each.step += 1
            each.empty_steps += not has_learned
        now = time.perf_counter()
        if run.step % every == 0 or done_ratio() >= 1:
            if num_losses:
                sums = step.loss_sum.reshape(num_runs).tolist()
                for each, loss_sum in zip(runs, sums, strict=True):
                    each.record(loss_sum / num_losses, seconds(time.perf_counter()))
            step.loss_sum.zero_()
            num_losses = 0
            if run.ranks.agree(now - last_save > SAVE_EVERY_S):
                save()
                last_save = now
        if now - last_report > SECONDS_BETWEEN_REPORTS:
            last_report = now
            run.report(progress, seconds(now))
    ended = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    for each in runs:
        each.seconds = seconds(ended)
        each.how, each.micro_rows = stepper.how, step.micro_rows
        each.objective.eval()
        each.check_learned()
