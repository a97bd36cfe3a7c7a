"""Bugs that would falsify a comparison in silence, as edits of one place each.

`run.py` plants them, and those of every `*_bugs.py` here, one at a time in a copy; the tests
named must fail.
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
        "(view.input_ids, view.positions, view.is_pad), None",
        "(view.input_ids, None, view.is_pad), None",
        ("tests/training/test_traps.py",),
    ),
    Bug(
        "seen_set",
        "A decoder pass of the MAE reads the very tokens that it is to predict.",
        "mae_bench/model/decoder.py",
        "for other in parts if other is not part])",
        "for other in parts])",
        ("tests/objectives/test_mae.py",),
    ),
    Bug(
        "frozen_average",
        "The moving average never follows the encoder.",
        "mae_bench/objectives/mae.py",
        "self.average.update(self.backbone)",
        "self.average.update(self.average)",
        ("tests/objectives/test_mae.py",),
    ),
    Bug(
        "unrotated_keys",
        "Removed places read the kept ones by cross attention without knowing where they stand.",
        "mae_bench/model/cross_decoder.py",
        "turn_key = rotation(positions, self.head_size)",
        "turn_key = rotation(torch.zeros_like(positions), self.head_size)",
        ("tests/objectives/test_mae.py",),
    ),
    Bug(
        "nested_bottleneck",
        "The decoder of mae_bottleneck hides what the encoder hides, not tokens of its own draw.",
        "mae_bench/objectives/mae_bottleneck.py",
        "removed = hide(block, apart,",
        "removed = hide(block, draws,",
        ("tests/objectives/test_mae.py",),
    ),
    Bug(
        "unmasked_targets",
        "The MLM head is scored at positions that were not masked.",
        "mae_bench/objectives/targets.py",
        "target_positions=hidden.positions,\n"
        "        target_ids=block.ids.gather(1, hidden.positions),",
        "target_positions=hidden.kept,\n        target_ids=block.ids.gather(1, hidden.kept),",
        (f"{OBJECTIVES}::test_targets_are_the_rows_own_tokens_and_counts_are_exact",),
    ),
    Bug(
        "padding_targets",
        "Padding that fills a short row's list of hidden positions is predicted.",
        "mae_bench/masking/hidden.py",
        "order[:, count:].sort(1).values, is_masked.gather(1, positions))",
        "order[:, count:].sort(1).values, None)",
        (f"{OBJECTIVES}::test_targets_are_the_rows_own_tokens_and_counts_are_exact",),
    ),
    Bug(
        "masked_is_replaced",
        "ELECTRA's labels say where a token was masked, not where another stands now.",
        "mae_bench/objectives/rtd.py",
        "view.target_positions, chosen != view.target_ids)",
        "view.target_positions, view.target_ids >= 0)",
        ("tests/objectives/test_rtd.py",),
    ),
    Bug(
        "next_token_seen",
        "The causal mask lets every token see the one that it predicts.",
        "mae_bench/model/attention_mask.py",
        "everywhere.tril()",
        "everywhere.tril(1)",
        ("tests/objectives/test_causal.py",),
    ),
    Bug(
        "span_start_shown",
        "The encoder sees the first token of each dropped span.",
        "mae_bench/masking/spans.py",
        "_first(marked, is_shown,",
        "_first(block.ids, is_shown,",
        ("tests/reference/test_spans.py",),
    ),
    Bug(
        "twice_predicted",
        "Copies of a row predict some tokens twice and others never.",
        "mae_bench/masking/copies.py",
        "(rank - copy * wanted)",
        "(rank - copy)",
        ("tests/objectives/test_mlm_options.py",),
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
        "scattered_spans",
        "Each token of a span has a draw of its own, so that a span is no longer hidden whole.",
        "mae_bench/masking/units.py",
        'context.draws.uniform("which", length).double().gather(1, first) + inside * TINY',
        'context.draws.uniform("which", length).double() + inside * TINY',
        ("tests/reference/test_masking_schemes.py::test_schemes_match_plain_python",),
    ),
    Bug(
        "frequent_tokens",
        "Frequent tokens are hidden more often instead of rare ones.",
        "mae_bench/masking/tokens.py",
        "(counts + 1) ** context.masking.rarity",
        "(counts + 1) ** -context.masking.rarity",
        (
            "tests/reference/test_masking_schemes.py"
            "::test_rare_tokens_are_hidden_as_often_as_successive_draws_say",
        ),
    ),
    Bug(
        "reversed_schedule",
        "A schedule of mask ratios runs from its end to its start.",
        "mae_bench/masking/ratios.py",
        "return self.start + (self.end - self.start) * done",
        "return self.end + (self.start - self.end) * done",
        ("tests/reference/test_masking_ratios.py::test_schedules_match_plain_python",),
    ),
    Bug(
        "frozen_schedule",
        "Training does not say how far it is, so a schedule stays at its start.",
        "mae_bench/pretraining/step.py",
        "Draws(self.seed, epoch, index, progress)",
        "Draws(self.seed, epoch, index)",
        (
            "tests/reference/test_masking_ratios.py"
            "::test_training_hides_by_the_share_of_the_budget_that_is_spent",
        ),
    ),
    Bug(
        "crossing_ngrams",
        "Collocations are counted across [SEP] and padding.",
        "mae_bench/masking/ngrams.py",
        "is_text = ids >= len(SPECIAL)",
        "is_text = ids >= 0",
        ("tests/reference/test_ngrams.py::test_collocations_are_those_of_plain_python",),
    ),
    Bug(
        "static_masks",
        "Every epoch has the masks of the first.",
        "mae_bench/pretraining/step.py",
        "return self.objective.corrupt(block, Draws(self.seed, epoch, index, progress))",
        "return self.objective.corrupt(block, Draws(self.seed, 0, index, progress))",
        ("tests/pretraining/test_pretrain.py::test_every_objective_reads_the_same_rows_in_order",),
    ),
    Bug(
        "named_init",
        "The objective's name moves the initial weights of the backbone.",
        "mae_bench/pretraining/run.py",
        "build_backbone(spec.backbone, data.vocab_size, spec.seed)",
        "build_backbone(spec.backbone, data.vocab_size, spec.seed + len(spec.objective))",
        ("tests/pretraining/test_pretrain.py::test_every_objective_starts_from_the_same_weights",),
    ),
    Bug(
        "named_head",
        "The objective's name moves the initial weights of the vocabulary head.",
        "mae_bench/objectives/base.py",
        "return own_start(self.seed, part)",
        "return own_start(self.seed, self.name + part)",
        ("tests/pretraining/test_pretrain.py::test_every_objective_starts_from_the_same_weights",),
    ),
    Bug(
        "late_schedule",
        "The learning rate is read at the start of a step, so that the first one does nothing.",
        "mae_bench/pretraining/pretrain.py",
        "middle = done + 0.5 / steps if steps else done",
        "middle = done",
        ("tests/golden/test_losses.py::test_losses_are_those_recorded",),
    ),
    Bug(
        "forgotten_optimizer",
        "A resumed pretraining starts with an empty optimizer.",
        "mae_bench/pretraining/checkpoint.py",
        'if kind == "optimizer":',
        'if kind == "optimiser":',
        ("tests/pretraining/test_pretrain.py::test_a_run_cut_short_ends_as_an_undisturbed_one",),
    ),
    Bug(
        "free_teacher",
        "The forward passes of the teacher are not counted.",
        "mae_bench/objectives/distill.py",
        "return Flops(encoder=shape.encoder(), head=head, teacher=teacher)",
        "return Flops(encoder=shape.encoder(), head=head)",
        ("tests/pretraining/test_pretrain.py::test_costs_are_whole",),
    ),
    Bug(
        "free_head",
        "The vocabulary head of the MAE is not counted.",
        "mae_bench/objectives/mae.py",
        "head = shape.head(shape.rows * removed, width)",
        "head = 0.0",
        ("tests/training/test_traps.py::test_the_cost_of_mae_relative_to_mlm",),
    ),
    Bug(
        "masks_among_the_real",
        "The vectors at [MASK] count among those of real tokens.",
        "mae_bench/protocols/frozen_reader.py",
        '(("_beside_masks", is_real & ~is_masked), ("_at_masks", is_masked))',
        '(("_beside_masks", is_real), ("_at_masks", is_masked))',
        ("tests/protocols/test_representation.py::test_masks_stand_where_real_tokens_stood",),
    ),
    Bug(
        "rank_of_singular_values",
        "The share of rank_tau is of singular values, not of their squares.",
        "mae_bench/protocols/spectra.py",
        "np.cumsum(squared) / total, tau - 1e-12",
        "np.cumsum(np.sqrt(squared)) / np.sqrt(squared).sum(), tau - 1e-12",
        ("tests/reference/test_spectra.py",),
    ),
    Bug(
        "direction_of_a_paper",
        "A published loss is judged as if it were a gain.",
        "mae_bench/analysis/references.py",
        "(reference.value or 0.0) * measure_in(claim, scores, others).sign < 0",
        "False",
        ("tests/analysis/test_references.py",),
    ),
    Bug(
        "blind_check",
        "The contract check of leaks compares an input with itself.",
        "mae_bench/contract/views.py",
        "same = torch.equal(view.input_ids[copy], changed.input_ids[copy])",
        "same = torch.equal(view.input_ids[copy], view.input_ids[copy])",
        ("tests/contract/test_check.py::test_each_fault_is_found_by_its_check",),
    ),
    Bug(
        "padded_mean",
        "Padding counts in mean pooling.",
        "mae_bench/model/heads.py",
        "is_real = (~is_pad).unsqueeze(-1).to(hidden.dtype)",
        "is_real = torch.ones_like(is_pad).unsqueeze(-1).to(hidden.dtype)",
        ("tests/model/test_heads.py",),
    ),
    Bug(
        "peeking",
        "Hyper-parameters are chosen on the test split.",
        "mae_bench/protocols/splits.py",
        'self.selection = self._noisy(data.selection, noise, "selection")',
        'self.selection = self._noisy(data.test, noise, "selection")',
        ("tests/protocols/test_floors.py",),
    ),
    Bug(
        "overlap",
        "The part to choose on may hold texts of the test split.",
        "mae_bench/tasks/build.py",
        'official, counts["selection_in_test"] = _without(official, tested)',
        'official, counts["selection_in_test"] = _without(official, set())',
        ("tests/tasks/test_tasks.py",),
    ),
    Bug(
        "noise_on_wrong_split",
        "Noise of the training split acts on the test split.",
        "mae_bench/protocols/splits.py",
        'is_tested_on = noise.where in ("test", "both")',
        'is_tested_on = noise.where in ("train", "both")',
        ("tests/protocols/test_floors.py",),
    ),
    Bug(
        "zero_for_failure",
        "A failed cell becomes a zero.",
        "mae_bench/runner/collect.py",
        '"is_primary": True, "failure": self.reasons[key]}',
        '"is_primary": True, "failure": self.reasons[key], "value": 0.0}',
        ("tests/runner/test_collect.py",),
    ),
    Bug(
        "built_in_place",
        "An artefact is built under its final name, where a kill leaves half of it.",
        "mae_bench/store/store.py",
        "temporary.mkdir()\n                yield temporary",
        "temporary.mkdir()\n                temporary.rename(final)\n                yield final\n"
        "                final.rename(temporary)",
        ("tests/store/test_store.py",),
    ),
    Bug(
        "marked_first",
        "An artefact is marked as done before it is written.",
        "mae_bench/store/store.py",
        "                yield temporary\n"
        "                is_synced = time.monotonic() - started >= SYNC_FROM_S\n"
        "                finish(temporary, about, is_synced=is_synced)\n",
        "                is_synced = time.monotonic() - started >= SYNC_FROM_S\n"
        "                finish(temporary, about, is_synced=is_synced)\n"
        "                yield temporary\n",
        ("tests/store/test_store.py",),
    ),
    Bug(
        "ignored_lease",
        "A stage that another process works on is taken up again.",
        "mae_bench/store/leases.py",
        'return content.get("host") != host_name() or _is_alive(content)',
        'return content.get("host") != host_name() and _is_alive(content)',
        ("tests/store/test_leases.py",),
    ),
    Bug(
        "moving_ids",
        "Defaults enter the ids, so that a new option makes every old result unreachable.",
        "mae_bench/specs/base.py",
        'return self.model_dump(mode="json", exclude_defaults=True)',
        'return self.model_dump(mode="json")',
        ("tests/specs/test_specs.py",),
    ),
    Bug(
        "unpaired",
        "Differences are taken from the mean of the control, not seed by seed.",
        "mae_bench/analysis/pairs.py",
        "columns.append(treatment.values - control.values)",
        "columns.append(treatment.values - np.nanmean(control.values))",
        ("tests/analysis/test_claims.py::test_differences_are_paired_not_pooled",),
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
        ("tests/objectives/test_distill.py::test_relations_of_other_widths_match_plain_python",),
    ),
    Bug(
        "first_layers",
        "A student is given the teacher's first layers, not every other one.",
        "mae_bench/model/teacher.py",
        "int(m[2]) * num_given // num_wanted",
        "int(m[2])",
        ("tests/objectives/test_distill.py::test_every_other_layer_is_copied",),
    ),
    Bug(
        "raw_p",
        "The p of a single hypothesis decides, whatever the size of its family.",
        "mae_bench/analysis/outcomes.py",
        "margins, p_family = self.value, self.test.p_family",
        "margins, p_family = self.value, self.test.p",
        ("tests/training/test_traps.py::test_the_family_wise_p_decides",),
    ),
    Bug(
        "few_seeds",
        "With fewer than six seeds the interval alone says supported.",
        "mae_bench/analysis/family.py",
        'outcome="not decidable" if pair.n else "not run",',
        'outcome="supported" if low[0] > 0 else "not decidable" if pair.n else "not run",',
        ("tests/analysis/test_claims.py::test_fewer_than_six_seeds_decide_nothing",),
    ),
    Bug(
        "dropped_collapse",
        "Collapsed runs are left out of the mean.",
        "mae_bench/analysis/rows.py",
        'finetunes[at] = row["value"]',
        'finetunes[at] = np.nan if row["is_collapsed"] else row["value"]',
        (
            "tests/analysis/test_claims.py::test_a_collapsed_run_stays_in_the_numbers_and_is_counted",
        ),
    ),
    Bug(
        "weights_forgotten",
        "The parts of a mixture count alike, whatever their weights.",
        "mae_bench/objectives/mixture.py",
        "loss = loss + view.weights[0, index] * own",
        "loss = loss + own",
        (
            "tests/objectives/test_parts.py::test_a_mixture_is_the_weighted_sum_of_what_its_parts_are_alone",
        ),
    ),
    Bug(
        "leaking_dropout",
        "The dropout that one part turns on acts on all the others.",
        "mae_bench/objectives/parts.py",
        "        set_dropout_ratios(self.dropouts[index])\n",
        "        set_dropout_ratios(self.dropouts[-1])\n",
        ("tests/objectives/test_parts.py::test_a_part_keeps_the_dropout_that_it_sets",),
    ),
    Bug(
        "read_padding",
        "A recurrent encoder reads the padding, from the right before all tokens.",
        "mae_bench/backbones/recurrent_model.py",
        "    if mask is None:\n        return hidden",
        "    if True:\n        return hidden",
        (
            "tests/objectives/test_recurrent.py::test_padding_influences_no_real_token_in_either_direction",
        ),
    ),
    Bug(
        "unnamed_start",
        "An encoder to go on from is no part of the id of what goes on from it.",
        "mae_bench/planning/stage.py",
        'content["encoder_files"] = encoder_files',
        "pass",
        (
            "tests/model/test_start.py::test_the_content_of_the_folder_is_in_the_ids_and_its_name_is_not",
        ),
    ),
    Bug(
        "inverted_labels",
        "ELECTRA's labels say where the text's own token stands.",
        "mae_bench/objectives/rtd.py",
        "view.target_positions, chosen != view.target_ids)",
        "view.target_positions, chosen == view.target_ids)",
        ("tests/objectives/test_rtd.py::test_labels_say_where_the_encoder_reads_another_token",),
    ),
    Bug(
        "lifted_mask",
        "The causal language model is pretrained without its mask, and sees what it predicts.",
        "mae_bench/objectives/causal.py",
        "view.is_pad, is_causal=True)",
        "view.is_pad)",
        ("tests/objectives/test_causal.py::test_the_loss_is_that_of_a_plain_loop",),
    ),
    Bug(
        "students_features",
        "The features to regress are the encoder's own, not those of its moving average.",
        "mae_bench/objectives/mae.py",
        "wanted = self.average.targets(",
        "wanted = MovingAverage(self.backbone, 0.5).targets(",
        ("tests/objectives/test_mae.py::test_the_encoder_cannot_move_the_targets_within_a_step",),
    ),
    Bug(
        "overlapping_sets",
        "Some removed tokens are dealt into two target sets, others into none.",
        "mae_bench/masking/target_sets.py",
        "order = order[:, dealt]",
        "order = order[:, dealt // 2 * 2]",
        (
            "tests/objectives/test_mae.py::test_target_sets_are_an_even_partition_of_what_is_removed",
        ),
    ),
    Bug(
        "control_at_another_ratio",
        "The mlm beside a bottleneck predicts what its encoder hides, not its decoder.",
        "mae_bench/objectives/mae_bottleneck.py",
        "mlm_control(options.decoder_mask_ratio, options.masking)",
        "mlm_control(options.mask_ratio, options.masking)",
        ("tests/objectives/test_mae.py::test_controls_are_valid_and_predict_as_much",),
    ),
    Bug(
        "schedule_over_the_whole",
        "A phase's schedule runs over the whole budget, not over its phase.",
        "mae_bench/objectives/phases.py",
        "block, replace(draws, progress=within)",
        "block, draws",
        ("tests/objectives/test_parts.py::test_a_phases_schedule_runs_over_the_phase",),
    ),
    Bug(
        "last_slot",
        "Without neighbours, the last token of a text is never hidden.",
        "mae_bench/masking/tokens.py",
        "(rank <= total - wanted)",
        "((rank < total - wanted) | (total < 2 * wanted))",
        (
            "tests/reference/test_masking_schemes.py"
            "::test_tokens_without_neighbours_are_hidden_as_often_as_stated_at_every_position",
        ),
    ),
    Bug(
        "split_remainder",
        "What a collocation leaves of a word falls into single tokens.",
        "mae_bench/masking/units.py",
        "| in_ngram | in_ngram.roll(1, dims=1)",
        "| in_ngram | in_ngram.roll(1, dims=1) | in_ngram.roll(2, dims=1)",
        (
            "tests/reference/test_masking_schemes.py"
            "::test_units_are_hidden_as_often_as_stated_at_every_position",
        ),
    ),
    Bug(
        "crowded_spans",
        "A row drops more spans than its kept tokens can part.",
        "mae_bench/masking/spans.py",
        "int(dropped / mean_length + 0.5)), kept + 1)",
        "int(dropped / mean_length + 0.5)), kept + 2)",
        ("tests/reference/test_spans.py::test_input_and_answers_give_the_row",),
    ),
    Bug(
        "no_after_step",
        "The contract check of gradients never lets an average follow.",
        "mae_bench/contract/objective.py",
        "objective.after_step()\n",
        "pass\n",
        ("tests/contract/test_check.py::test_each_fault_is_found_by_its_check",),
    ),
    Bug(
        "blind_places",
        "The contract check of places compares positions with themselves.",
        "mae_bench/contract/views.py",
        "(is_same.int().argmax(2) != view.positions)",
        "(view.positions != view.positions)",
        ("tests/contract/test_check.py::test_each_fault_is_found_by_its_check",),
    ),
    Bug(
        "one_pipe",
        "All workers write to one pipe, which one killed while it writes spoils for the others.",
        "mae_bench/runner/executors/local.py",
        """
        events, sender = self.context.Pipe(duplex=False)
        args = (self.order, sender, number)
        process = self.context.Process(target=_main, args=args, name=f"mae-bench worker {number}")
        process.start()
        sender.close()  # the worker's end is then the only one, and its death ends the pipe
""",
        """
        if not hasattr(self, "pipe"):
            self.pipe = self.context.Pipe(duplex=False)
        events, sender = self.pipe
        args = (self.order, sender, number)
        process = self.context.Process(target=_main, args=args, name=f"mae-bench worker {number}")
        process.start()
""",
        ("tests/runner/test_execute.py",),
    ),
)
