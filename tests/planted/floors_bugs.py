"""Bugs in the fine-tune of rankings, and in the floors BM25, unigram and trigram."""

from bugs import Bug

BI_ENCODER = "tests/reference/test_bi_encoder.py"
BUGS = (
    Bug(
        "false_negatives",
        "What is relevant to a query is a wrong candidate where another row of the batch holds it.",
        "mae_bench/tasks/bi_encoder.py",
        "scores.masked_fill(is_other, -torch.inf)",
        "scores",
        (f"{BI_ENCODER}::test_the_loss_is_that_of_the_batch_without_false_negatives",),
    ),
    Bug(
        "candidates_first",
        "Of what was read the last rows are taken for queries.",
        "mae_bench/tasks/bi_encoder.py",
        "vectors[: ranked.num_queries], vectors[ranked.num_queries :]",
        "vectors[len(ranked.names) :], vectors[: len(ranked.names)]",
        (f"{BI_ENCODER}::test_what_is_read_is_compared_with_every_candidate",),
    ),
    Bug(
        "bm25_without_pairs_of_characters",
        "Chinese candidates are compared by single characters alone.",
        "mae_bench/protocols/bm25.py",
        "is_one = first.end() == second.start()",
        "is_one = False",
        ("tests/reference/test_bm25.py::test_words_of_scripts_with_and_without_blanks",),
    ),
    Bug(
        "raw_counts_below",
        "Kneser-Ney's shorter n-grams count how often a token stands, not after how many.",
        "mae_bench/protocols/ngram_model.py",
        "values, counts = np.unique(values % vocab_size ** (length - 1), return_counts=True)",
        "values, counts = np.unique(codes % vocab_size ** (length - 1), return_counts=True)",
        ("tests/reference/test_ngrams_floor.py::test_probabilities_are_the_formula",),
    ),
    Bug(
        "least_labelled_floor",
        "A zero-shot table shows the floors that learned from fewest labels.",
        "mae_bench/analysis/rows.py",
        "if labels[key] > labels[most.setdefault(other, key)]:",
        "if labels[key] < labels[most.setdefault(other, key)]:",
        ("tests/analysis/test_unlabelled.py",),
    ),
)
