"""Bugs in questions: answers cut from texts, options, and what is trained on another task."""

from bugs import Bug

SPAN = "tests/reference/test_span.py"
CHOICE = "tests/reference/test_choice.py"
BUGS = (
    Bug(
        "answer_before_its_start",
        "A predicted answer may end before it starts.",
        "mae_bench/tasks/answer_spans.py",
        "device=scores.device).triu()",
        "device=scores.device)",
        (f"{SPAN}::test_decoding_is_that_of_every_start_and_end",),
    ),
    Bug(
        "last_window_left_out",
        "The end of a long context stands in no window.",
        "mae_bench/training/windows.py",
        "range(0, count - room + stride, stride)",
        "range(0, count - room, stride)",
        (f"{SPAN}::test_windows_are_the_whole_context_and_nothing_is_cut_from_the_question",),
    ),
    Bug(
        "context_gets_the_noise",
        "Noise falls on the context, from which answers are cut, too.",
        "mae_bench/tasks/kinds/span.py",
        "num_noisy = 1",
        "num_noisy = 2",
        (f"{SPAN}::test_noise_falls_on_the_question_alone",),
    ),
    Bug(
        "absent_options_compete",
        "An example of few options shares its softmax with options that it does not have.",
        "mae_bench/tasks/kinds/choice.py",
        "masked_fill(places >= counts[:, None], -torch.inf)",
        "masked_fill(places > counts[:, None], -torch.inf)",
        (f"{CHOICE}::test_loss_and_choice_are_those_of_plain_python",),
    ),
    Bug(
        "test_of_a_transfer_in_train",
        "A task that trains on another keeps its own test texts in train.",
        "mae_bench/tasks/build.py",
        'train, counts["train_in_test"] = _without(parts["train"], tested)',
        'train, counts["train_in_test"] = parts["train"], 0',
        (
            "tests/tasks/test_train_task.py::"
            "test_train_and_selection_are_the_others_and_the_test_its_own",
        ),
    ),
)
