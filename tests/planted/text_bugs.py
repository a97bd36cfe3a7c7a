"""Bugs in how texts become words, tokens, pairs and steps, as edits of one place each."""

from bugs import Bug

HIDDEN = "tests/contract/test_every_token_is_hidden.py"
STARTS = "tests/reference/test_word_starts.py"
EMPTY = "tests/contract/test_empty_rows.py"
BUGS = (
    Bug(
        "space_only",
        "A word after a line break, a tab or a no-break space is taken for the inside of one.",
        "mae_bench/masking/word_starts.py",
        '"is_end": space | unspaced,',
        '"is_end": unspaced,',
        (f"{STARTS}::test_starts_of_real_words",),
    ),
    Bug(
        "marks_start",
        "A combining mark of a script without blanks starts a word of its own.",
        "mae_bench/masking/word_starts.py",
        "space | (unspaced & ~mark)",
        "space | unspaced",
        (f"{STARTS}::test_starts_of_real_words",),
    ),
    Bug(
        "half_a_character",
        "A token that holds the first bytes of a character does not start its word.",
        "mae_bench/masking/word_starts.py",
        "_moved(self.first[ids], -step) >> (8 * taken)",
        "_moved(self.first[ids], -step) >> 32",
        (f"{STARTS}::test_starts_of_real_words",),
    ),
    Bug(
        "long_units",
        "Of a word longer than what a row hides, the later tokens are never hidden.",
        "mae_bench/masking/units.py",
        "(positions - first) % context.wanted.long().clamp(min=1)",
        "(positions - first)",
        (f"{HIDDEN}::test_in_words_longer_than_what_is_hidden",),
    ),
    Bug(
        "empty_step_counts",
        "A step that predicts nothing still decays weights and moves moments.",
        "mae_bench/pretraining/step.py",
        "            if isinstance(output.predicted, Tensor) or output.predicted:\n"
        "                output.loss.backward()\n"
        "                self.loss_sum += output.loss.detach()\n"
        "            return output.predicted",
        "            output.loss.backward()\n            return at_least_one(output.predicted)",
        (f"{EMPTY}::test_an_empty_step_moves_no_weight",),
    ),
    Bug(
        "empty_nan",
        "A mean over no predicted token is no number.",
        "mae_bench/model/means.py",
        "return F.cross_entropy(logits, targets) if number else logits.sum()",
        "return F.cross_entropy(logits, targets)",
        (f"{EMPTY}::test_a_step_without_anything_to_predict_has_a_loss_and_no_gradient",),
    ),
    Bug(
        "perfect_validation",
        "A validation in which nothing is predicted has the loss 0.",
        "mae_bench/pretraining/health.py",
        "return total / predicted if predicted else math.nan",
        "return total / max(1, predicted)",
        (f"{EMPTY}::test_no_validation_loss_where_nothing_is_predicted",),
    ),
    Bug(
        "late_ratio",
        "Texts that hide nothing at the end of a schedule are not told.",
        "mae_bench/masking/hidden.py",
        "wanted_counts(lengths, row_length - 2, extremes(ratio)[0], masking)",
        "wanted_counts(lengths, row_length - 2, extremes(ratio)[1], masking)",
        ("tests/planning/test_warnings.py",),
    ),
    Bug(
        "turned_pairs",
        "A training pair may be a test pair with its texts in the other order.",
        "mae_bench/tasks/build.py",
        "return tuple(sorted(self.written))",
        "return self.written",
        ("tests/tasks/test_tasks.py::test_a_pair_turned_round_is_the_same_pair",),
    ),
    Bug(
        "control_text",
        'A task\'s text that says "[MASK]" or "[SEP]" is read as that special token.',
        "mae_bench/training/batching.py",
        "split_special_tokens=True",
        "split_special_tokens=False",
        ("tests/data/test_text_is_text.py",),
    ),
    Bug(
        "whole_sentences",
        "The TF-IDF floor takes a run of Chinese or Thai for one word.",
        "mae_bench/data/scripts.py",
        'rf"{one}|{inside}|[^\\w\\s]"',
        'rf"[{unspaced}{marks}]+|{inside}|[^\\w\\s]"',
        ("tests/protocols/test_floors.py::test_tfidf_reads_characters_where_words_have_no_blanks",),
    ),
    Bug(
        "marks_apart",
        "The TF-IDF floor cuts words of Devanagari at each of their marks.",
        "mae_bench/data/scripts.py",
        'rf"(?:[^\\W{unspaced}]+|[{marks}{JOINERS}]+)+"',
        'rf"[^\\W{unspaced}]+"',
        ("tests/protocols/test_floors.py::test_tfidf_keeps_words_with_their_marks",),
    ),
    Bug(
        "unknown_share",
        "The share of unknown tokens of a corpus is read at the place of another special token.",
        "mae_bench/data/blocks.py",
        "num_unknown = int(counts[UNK])",
        "num_unknown = int(counts[PAD])",
        ("tests/data/test_long_words.py::test_the_share_of_unknown_tokens_is_in_a_warning",),
    ),
)
