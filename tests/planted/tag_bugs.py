"""Bugs in tags, in several labels a text, and in the noise of words."""

from bugs import Bug

BUGS = (
    Bug(
        "strays_are_spans",
        "An I- that goes on from nothing counts as a span, which strict IOB2 does not allow.",
        "mae_bench/tasks/metrics/tags.py",
        "[[without_strays(tags) for tags in side]",
        "[[list(tags) for tags in side]",
        ("tests/reference/test_tag_metrics.py::test_hard_sequences_score_as_by_seqeval",),
    ),
    Bug(
        "tag_on_the_last_token",
        "A word's tag is read from its last token.",
        "mae_bench/training/word_tokens.py",
        "starts.append(len(tokens) if is_read else UNREAD)",
        "starts.append(len(tokens) + len(ids[piece]) - 1 if is_read else UNREAD)",
        ("tests/training/test_word_tokens.py::test_words_are_read_as_in_their_sentence",),
    ),
    Bug(
        "unread_words_learn_of_padding",
        "Words beyond the window take the prediction of the last token that was read.",
        "mae_bench/tasks/kinds/tag.py",
        "np.where(first >= 0, row[first], len(self.tags))",
        "row[first]",
        ("tests/reference/test_tag.py::test_loss_and_tags_are_those_of_plain_python",),
    ),
    Bug(
        "threshold_of_the_output",
        "A class is predicted from a probability of .62 on.",
        "mae_bench/tasks/kinds/multilabel.py",
        "(outputs >= 0).cpu()",
        "(outputs >= 0.5).cpu()",
        ("tests/reference/test_multilabel.py::test_loss_and_classes_are_those_of_plain_python",),
    ),
    Bug(
        "words_share_their_draws",
        "What a rate does to one word moves the noise of the next.",
        "mae_bench/data/noise.py",
        "own = random.Random(rng.getrandbits(64))",
        "own = rng",
        (
            "tests/data/test_word_noise.py::"
            "test_a_noise_that_draws_more_at_a_higher_rate_moves_no_other_word",
        ),
    ),
)
