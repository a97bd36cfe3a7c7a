"""Bugs that would falsify a comparison in silence, as edits of one place each.

`run.py` plants them one at a time in a copy; the tests named must fail.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One edit.

    Attributes:
        name: for the command line.
        what: one sentence.
        file: inside the project.
        old: text that occurs there exactly once.
        new: what replaces it.
        tests: pytest targets, at least one of which must fail.
    """

    name: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


OBJECTIVES = "tests/contract/test_objectives_contract.py"
BUGS = (
    Bug(
        "leak",
        "The MAE encoder sees one of the tokens that it is to predict.",
        "mae_bench/masking/hidden.py",
        "order[:, count:].sort(1).values, None)",
        "order[:, count - 1 :].sort(1).values, None)",
        (f"{OBJECTIVES}::test_no_leak",),
    ),
    Bug(
        "compacted",
        "Kept tokens get the positions 0..V-1 instead of their own.",
        "mae_bench/objectives/mae.py",
        "encoded = self.backbone(view.input_ids, view.positions, view.is_pad)",
        "encoded = self.backbone(view.input_ids, None, view.is_pad)",
        ("tests/unit/test_traps.py",),
    ),
    Bug(
        "unmasked_targets",
        "The MLM head is scored at positions that were not masked.",
        "mae_bench/objectives/targets.py",
        "target_positions=hidden.positions,\n"
        "        target_ids=block.ids.gather(1, hidden.positions),",
        "target_positions=hidden.kept,\n        target_ids=block.ids.gather(1, hidden.kept),",
        (f"{OBJECTIVES}::test_every_predicted_position_was_hidden_and_counts_are_exact",),
    ),
    Bug(
        "padding_targets",
        "Padding that fills a short row's list of hidden positions is predicted.",
        "mae_bench/masking/hidden.py",
        "order[:, count:].sort(1).values, is_masked.gather(1, positions))",
        "order[:, count:].sort(1).values, None)",
        (f"{OBJECTIVES}::test_every_predicted_position_was_hidden_and_counts_are_exact",),
    ),
    Bug(
        "batch_masks",
        "Masks are drawn by the place in the batch, not by the row's own number.",
        "mae_bench/draws.py",
        "_mix((self.row_ids & _LOW) ^ high)",
        "_mix(torch.arange(len(self.row_ids), device=device) ^ high)",
        ("tests/reference/test_masking.py::test_masks_do_not_depend_on_batching",),
    ),
    Bug(
        "static_masks",
        "Every epoch has the masks of the first.",
        "mae_bench/training/pretrain.py",
        "return self.objective.corrupt(block, Draws(self.spec.seed, epoch, index, progress))",
        "return self.objective.corrupt(block, Draws(self.spec.seed, 0, index, progress))",
        ("tests/unit/test_pretrain.py::test_every_objective_reads_the_same_rows_in_order",),
    ),
    Bug(
        "named_init",
        "The objective's name moves the initial weights of the backbone.",
        "mae_bench/training/pretrain.py",
        "build_backbone(spec.backbone, data.vocab_size, spec.seed)",
        "build_backbone(spec.backbone, data.vocab_size, spec.seed + len(spec.objective))",
        ("tests/unit/test_pretrain.py::test_every_objective_starts_from_the_same_weights",),
    ),
    Bug(
        "named_head",
        "The objective's name moves the initial weights of the vocabulary head.",
        "mae_bench/objectives/base.py",
        'seed_for("head", seed=seed, part="pretraining")',
        'seed_for("head", seed=seed, part=self.name)',
        ("tests/unit/test_pretrain.py::test_every_objective_starts_from_the_same_weights",),
    ),
    Bug(
        "late_schedule",
        "The learning rate is read at the start of a step, so that the first one does nothing.",
        "mae_bench/training/pretrain.py",
        "middle = done + 0.5 / self.steps if self.steps else done",
        "middle = done",
        ("tests/golden/test_losses.py::test_losses_are_those_recorded",),
    ),
    Bug(
        "forgotten_optimizer",
        "A resumed pretraining starts with an empty optimizer.",
        "mae_bench/training/checkpoint.py",
        'if kind == "optimizer":',
        'if kind == "optimiser":',
        ("tests/unit/test_pretrain.py::test_a_run_cut_short_ends_as_an_undisturbed_one",),
    ),
    Bug(
        "free_teacher",
        "The forward passes of the teacher are not counted.",
        "mae_bench/objectives/distill.py",
        "return Flops(encoder=shape.encoder(), head=head, teacher=teacher)",
        "return Flops(encoder=shape.encoder(), head=head)",
        ("tests/unit/test_pretrain.py::test_costs_are_whole",),
    ),
    Bug(
        "free_head",
        "The vocabulary head of the MAE is not counted.",
        "mae_bench/objectives/mae.py",
        "head = shape.head(shape.rows * removed, width)",
        "head = 0.0",
        ("tests/unit/test_traps.py::test_the_cost_of_mae_relative_to_mlm",),
    ),
    Bug(
        "padded_mean",
        "Padding counts in mean pooling.",
        "mae_bench/model/heads.py",
        "is_real = (~is_pad).unsqueeze(-1).to(hidden.dtype)",
        "is_real = torch.ones_like(is_pad).unsqueeze(-1).to(hidden.dtype)",
        ("tests/unit/test_heads.py",),
    ),
    Bug(
        "peeking",
        "Hyper-parameters are chosen on the test split.",
        "mae_bench/training/splits.py",
        'self.selection = self._noisy(data.selection, noise, "selection")',
        'self.selection = self._noisy(data.test, noise, "selection")',
        ("tests/unit/test_floors.py",),
    ),
    Bug(
        "overlap",
        "The part to choose on may hold texts of the test split.",
        "mae_bench/tasks/build.py",
        'official, counts["selection_in_test"] = _without(official, tested)',
        'official, counts["selection_in_test"] = _without(official, set())',
        ("tests/unit/test_tasks.py",),
    ),
    Bug(
        "noise_on_wrong_split",
        "Noise of the training split acts on the test split.",
        "mae_bench/training/splits.py",
        'is_tested_on = noise.where in ("test", "both")',
        'is_tested_on = noise.where in ("train", "both")',
        ("tests/unit/test_floors.py",),
    ),
    Bug(
        "zero_for_failure",
        "A failed cell becomes a zero.",
        "mae_bench/runner/collect.py",
        '"is_primary": True, "failure": self.reasons[key]}',
        '"is_primary": True, "failure": self.reasons[key], "value": 0.0}',
        ("tests/unit/test_collect.py",),
    ),
    Bug(
        "built_in_place",
        "An artefact is built under its final name, where a kill leaves half of it.",
        "mae_bench/runner/store.py",
        "temporary.mkdir()\n                yield temporary",
        "temporary.mkdir()\n                temporary.rename(final)\n                yield final\n"
        "                final.rename(temporary)",
        ("tests/unit/test_store.py",),
    ),
    Bug(
        "marked_first",
        "An artefact is marked as done before it is written.",
        "mae_bench/runner/store.py",
        "yield temporary\n                finish(temporary, about)",
        "finish(temporary, about)\n                yield temporary",
        ("tests/unit/test_store.py",),
    ),
    Bug(
        "ignored_lease",
        "A stage that another process works on is taken up again.",
        "mae_bench/runner/leases.py",
        'return content.get("host") != _host() or _is_alive(content)',
        'return content.get("host") != _host() and _is_alive(content)',
        ("tests/unit/test_leases.py",),
    ),
    Bug(
        "moving_ids",
        "Defaults enter the ids, so that a new option makes every old result unreachable.",
        "mae_bench/specs.py",
        'return self.model_dump(mode="json", exclude_defaults=True)',
        'return self.model_dump(mode="json")',
        ("tests/unit/test_specs.py",),
    ),
    Bug(
        "unpaired",
        "Differences are taken from the mean of the control, not seed by seed.",
        "mae_bench/analysis/claims.py",
        "columns.append(scores.values(*sides[0]) - scores.values(*sides[1]))",
        "columns.append(scores.values(*sides[0]) - np.nanmean(scores.values(*sides[1])))",
        ("tests/unit/test_claims.py::test_differences_are_paired_not_pooled",),
    ),
    Bug(
        "moved_by_name",
        "A shuffled token that came back to its place is labelled as shuffled.",
        "mae_bench/objectives/random_token_classification.py",
        "classes = torch.where(seen == block.ids, OWN, classes)",
        "classes = torch.where(is_corrupted, classes, OWN)",
        ("tests/reference/test_token_objectives.py",),
    ),
    Bug(
        "own_negative",
        "A text's second positive is averaged into its neighbour's.",
        "mae_bench/objectives/contrastive.py",
        "unflatten(0, (options.positives, -1))",
        "unflatten(0, (-1, options.positives)).transpose(0, 1)",
        ("tests/reference/test_token_objectives.py::test_the_positives_of_an_anchor_are_averaged",),
    ),
    Bug(
        "padded_relations",
        "Tokens attend to padding in the relations that a student matches.",
        "mae_bench/model/matching.py",
        "scores = scores.masked_fill(is_pad[:, None, None, :], -torch.inf)",
        "scores = scores.masked_fill(is_pad[:, None, None, :], 0.0)",
        ("tests/unit/test_distill.py::test_relations_of_other_widths_match_plain_python",),
    ),
    Bug(
        "first_layers",
        "A student is given the teacher's first layers, not every other one.",
        "mae_bench/model/teacher.py",
        "int(m[2]) * num_given // num_wanted",
        "int(m[2])",
        ("tests/unit/test_distill.py::test_every_other_layer_is_copied",),
    ),
    Bug(
        "raw_p",
        "The p of a single hypothesis decides, whatever the size of its family.",
        "mae_bench/analysis/claims.py",
        "_decided(verdict, pair, test.p[span], test.p_family[span], corrected[span])",
        "_decided(verdict, pair, test.p[span], test.p[span], corrected[span])",
        ("tests/unit/test_traps.py::test_the_family_wise_p_decides",),
    ),
    Bug(
        "few_seeds",
        "With fewer than six seeds the interval alone says supported.",
        "mae_bench/analysis/claims.py",
        'outcome="not decidable" if pair.n else "not run",',
        'outcome="supported" if low > 0 else "not decidable" if pair.n else "not run",',
        ("tests/unit/test_claims.py::test_fewer_than_six_seeds_decide_nothing",),
    ),
    Bug(
        "dropped_collapse",
        "Collapsed runs are left out of the mean.",
        "mae_bench/analysis/scores.py",
        'values[place[row["seed"]]] = row["value"]',
        'values[place[row["seed"]]] = np.nan if row["is_collapsed"] else row["value"]',
        ("tests/unit/test_claims.py::test_a_collapsed_run_stays_in_the_numbers_and_is_counted",),
    ),
)
