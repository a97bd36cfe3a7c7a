"""Bugs in how an objective scores texts, and in what is made of the scores."""

from bugs import Bug

KINDS = "tests/tasks/test_scored_kinds.py"
SCORER = "tests/reference/test_token_scorer.py"
PAIRS = "mae_bench/tasks/kinds/minimal_pair.py"
BUGS = (
    Bug(
        "right_tie",
        "A tie counts as right: a constant scorer gets 100.",
        PAIRS,
        "np.where(gap < -LEAST_GAP, 1, TIE)",
        "np.where(gap < -LEAST_GAP, 1, examples.labels)",
        (KINDS,),
    ),
    Bug(
        "good_first",
        "The acceptable sentence of a pair always stands first: whatever says 'first' is right.",
        PAIRS,
        "is_second = content_hash((good, bad)) > content_hash((bad, good))",
        "is_second = False",
        (KINDS,),
    ),
    Bug(
        "wrong_hidden_token",
        "With the rest of a word hidden, its last token is scored in place of the leftmost.",
        "mae_bench/protocols/token_scorer.py",
        "else scores[0]",
        "else scores[-1]",
        (SCORER,),
    ),
    Bug(
        "first_pairs",
        "The first pairs of a file are read, so that another order of it has another result.",
        PAIRS,
        "for number in by_content(examples):",
        "for number in range(len(examples)):",
        (KINDS,),
    ),
    Bug(
        "one_right_token",
        "A word counts as recovered where its last token is named, whatever the others are.",
        "mae_bench/protocols/token_scorer.py",
        "is_right[unit] = is_right.get(unit, True) and is_named",
        "is_right[unit] = is_named",
        (SCORER,),
    ),
)
