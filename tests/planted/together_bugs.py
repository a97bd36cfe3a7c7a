"""Bugs of many trainings as one program, and of what is held or refused; joined to `bugs.py`."""

from bugs import Bug

BUGS = (
    Bug(
        "window_lost_at_once",
        "Layers with local attention see whole rows where several models are one program.",
        "mae_bench/model/stackable.py",
        "local: in_window(scores, config.local_attention // 2)}",
        "local: scores}",
        ("tests/protocols/test_finetunes_together.py::test_layers_that_see_a_window_keep_it",),
    ),
    Bug(
        "half_a_stacked_step",
        "A step that ran out of memory has counted itself, and is counted again.",
        "mae_bench/training/stacked_adamw.py",
        "        update = torch.empty_like(self.square)\n        self.num_steps += 1\n",
        "        self.num_steps += 1\n        update = torch.empty_like(self.square)\n",
        ("tests/training/test_stacked_adamw.py",),
    ),
    Bug(
        "group_started_twice",
        "Stages of a failed group start again when they run alone.",
        "mae_bench/runner/work.py",
        "        progress = self.progress(stage)\n        try:",
        "        self.start(stage)\n        progress = self.progress(stage)\n        try:",
        ("tests/runner/test_batch_seeds.py::test_what_fails_together_runs_alone",),
    ),
    Bug(
        "views_held",
        "What a GPU holds of a text is a view, which holds the vectors of all texts.",
        "mae_bench/protocols/text_vectors.py",
        "rows[0].clone() if isinstance(rows, Tensor) else rows[0].copy()",
        "rows[0] if isinstance(rows, Tensor) else rows[0].copy()",
        (
            "tests/protocols/test_vectors_of_families.py::test_what_is_held_on_a_gpu_holds_nothing_else",
        ),
    ),
    Bug(
        "executor_flags_ignored",
        "Under torchrun, flags of executors that start workers do nothing.",
        "mae_bench/cli/ranks.py",
        "for flag, value in others.items():",
        "for flag, value in ():",
        ("tests/cli/test_executor_flags.py",),
    ),
)
