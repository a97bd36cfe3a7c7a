"""Bugs of probes, fine-tunes and of what tells a trained run from a stuck one."""

from bugs import Bug

GRIDS, HEALTH = "tests/protocols/test_grids.py", "tests/pretraining/test_health.py"
OUTSIDE = "tests/protocols/test_outside_finetune.py"
BUGS = (
    Bug(
        "ridge_alpha_is_c",
        "The ridge penalty is C and not 1/C.",
        "mae_bench/tasks/kinds/regress.py",
        "alphas = 1.0 / np.asarray(penalties)",
        "alphas = 1.0 * np.asarray(penalties)",
        (f"{GRIDS}::test_ridge_is_scikit_learns_at_one_over_c_for_every_penalty",),
    ),
    Bug(
        "weak_ridge",
        "The probe's grid ends where a wide encoder's best penalty begins.",
        "mae_bench/specs/evaluation.py",
        "PROBE_GRID = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)",
        "PROBE_GRID = (0.1, 1.0, 10.0, 100.0)",
        (f"{GRIDS}::test_the_probe_finds_a_ridge_penalty_far_outside_small_ones",),
    ),
    Bug(
        "one_model_for_all_penalties",
        "Every penalty is scored with the weights of the last one.",
        "mae_bench/tasks/logistic.py",
        "table = weights.copy().reshape(",
        "table = weights.reshape(",
        (f"{GRIDS}::test_each_penalty_keeps_its_own_model",),
    ),
    Bug(
        "edges_untold",
        "A choice at the upper end of its grid is not told.",
        "mae_bench/protocols/outcome.py",
        "if end is best and not is_flat:",
        'if end is best and not is_flat and word == "lowest":',
        (f"{GRIDS}::test_edges_are_where_a_better_value_may_lie_beyond",),
    ),
    Bug(
        "rate_beyond_one_side",
        "Only smaller rates are tried beyond the edge of the grid.",
        "mae_bench/protocols/rates.py",
        'if edge == "lowest" else (rates[-1], rates[-2])',
        'if edge == "lowest" else (rates[-2], rates[-1])',
        (f"{GRIDS}::test_the_rate_beyond",),
    ),
    Bug(
        "dropout_of_outside_lost",
        "Encoders from outside are trained and fine-tuned without their dropout.",
        "mae_bench/pretraining/external.py",
        "backbone = load_backbone(folder, spec.dropout)",
        "backbone = load_backbone(folder, spec.dropout_ratio)",
        (f"{OUTSIDE}::test_an_encoder_keeps_its_own_dropout_unless_the_study_says_otherwise",),
    ),
    Bug(
        "no_segments",
        "BERT reads both texts of a pair as its first segment.",
        "mae_bench/model/heads.py",
        "hidden = self.backbone(input_ids, None, is_pad, segments=segments)",
        "hidden = self.backbone(input_ids, None, is_pad)",
        (f"{OUTSIDE}::test_a_pair_is_read_with_its_segments",),
    ),
    Bug(
        "pads_by_training_rows",
        "Validation rows are padded only where training rows are: pads are predicted as text.",
        "mae_bench/pretraining/health.py",
        "return as_block(ids), torch",
        "return (as_block(ids) if data.has_pads else Block(ids)), torch",
        (f"{HEALTH}::test_padding_of_validation_rows_is_padding_where_no_training_row_has_any",),
    ),
    Bug(
        "identical_views",
        "SimCSE is validated on two views that are one.",
        "mae_bench/objectives/simcse.py",
        "            self.backbone.train()\n",
        "",
        (f"{HEALTH}::test_simcse_is_validated_on_views_that_differ",),
    ),
    Bug(
        "head_after_decoder",
        "A vocabulary head starts from what was drawn before it.",
        "mae_bench/model/vocabulary.py",
        'with own_start(seed, "vocabulary"):',
        "if True:",
        (
            "tests/pretraining/test_seeds.py"
            "::test_a_vocabulary_head_starts_from_its_seed_whatever_was_drawn_before",
        ),
    ),
    Bug(
        "decoder_of_another_start",
        "A decoder of mae starts from other weights than that of another objective.",
        "mae_bench/objectives/mae.py",
        'with self.own_start("decoder"):',
        "if True:",
        (
            "tests/contract/test_objectives_contract.py"
            "::test_parts_of_one_shape_start_equal_in_every_objective",
        ),
    ),
    Bug(
        "views_together",
        "Exchanged texts keep their pairs, so that contrastive runs look as if they read nothing.",
        "mae_bench/pretraining/health.py",
        "order = torch.randperm(rows, generator=generator)",
        "order = torch.arange(rows)",
        (f"{HEALTH}::test_the_two_views_of_a_text_are_parted",),
    ),
    Bug(
        "plateau_untold",
        "A pretraining whose loss does not depend on the text is not flagged.",
        "mae_bench/pretraining/health.py",
        "    if end.left > MAX_LEFT:\n",
        "    if end.left > 1.0:\n",
        (f"{HEALTH}::test_an_encoder_of_equal_vectors_is_flagged_for_every_objective",),
    ),
    Bug(
        "plateau_is_collapse",
        "A run whose encoder learned is lost because its loss did not fall.",
        "mae_bench/pretraining/checkup.py",
        "            if not has_learned(self.probe_start, probe_end):\n",
        "            if True:\n",
        (
            "tests/pretraining/test_left_out.py::test_an_encoder_that_learned_past_its_loss_is_on_a_plateau_and_not_collapsed",
        ),
    ),
    Bug(
        "plateau_never_collapse",
        "A run that is on a plateau is kept though its encoder learned nothing.",
        "mae_bench/pretraining/left_out.py",
        "    return after > before + max(",
        "    return after > before - max(",
        ("tests/pretraining/test_left_out.py::test_what_counts_as_learned",),
    ),
    Bug(
        "left_out_neighbours",
        "The probe reads words one place off the gap.",
        "mae_bench/pretraining/left_out.py",
        "    left = positions - 1 - torch.arange(len(positions))",
        "    left = positions - torch.arange(len(positions))",
        ("tests/pretraining/test_left_out.py::test_the_words_on_both_sides_of_the_gap_are_read",),
    ),
    Bug(
        "left_out_judged_on_fit",
        "The probe is judged on the rows that it was fitted on.",
        "mae_bench/pretraining/left_out.py",
        "        (pairs[is_tested].numpy(), _one_hot(words[is_tested].numpy(), classes)),",
        "        (pairs[is_fitted].numpy(), _one_hot(words[is_fitted].numpy(), classes)),",
        (
            "tests/pretraining/test_left_out.py::test_the_penalty_and_the_fit_never_see_the_rows_that_judge",
        ),
    ),
    Bug(
        "untrained_finetune_untold",
        "A fine-tune that ends at the loss of a constant passes for trained.",
        "mae_bench/protocols/finetune.py",
        'flaw=find_untrained(best.facts["train_loss"], best.facts["constant_loss"]),',
        'flaw="",',
        ("tests/protocols/test_untrained_finetune.py",),
    ),
    Bug(
        "threads_by_workers",
        "The threads of a stage follow the number of workers, and with them the last bits.",
        "mae_bench/runner/session.py",
        "compile_by=self._compile_by,",
        "num_threads=1 + 7 // (self._workers or 1),",
        (
            "tests/runner/test_execute.py"
            "::test_the_number_of_workers_does_not_move_the_threads_of_a_stage",
        ),
    ),
)
