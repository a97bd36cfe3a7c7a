"""Bugs in rankings and in the protocols that train little or nothing."""

from bugs import Bug

UNTRAINED = "tests/protocols/test_untrained.py"
METRICS = "tests/reference/test_ranking_metrics.py"
BUGS = (
    Bug(
        "ties_for_the_right_answer",
        "A scorer that gives every candidate the same ranks the right one first.",
        "mae_bench/tasks/metrics/ranking.py",
        "ranks += [before + wrong + place for place in range(1, hits + 1)]",
        "ranks += [before + place for place in range(1, hits + 1)]",
        (f"{METRICS}::test_a_scorer_that_says_nothing_is_worth_nothing",),
    ),
    Bug(
        "rounding_ranks",
        "Differences of the last bit decide between candidates.",
        "mae_bench/tasks/rankings.py",
        "rounded = np.round(scores, DIGITS)",
        "rounded = scores",
        (f"{METRICS}::test_scores_that_differ_by_rounding_are_tied",),
    ),
    Bug(
        "one_draw_for_all",
        "Every draw of few shots holds the same examples.",
        "mae_bench/protocols/few_shot.py",
        'seed_for("few_shot", task=task, seed=seed, draw=draw)',
        'seed_for("few_shot", task=task, seed=seed, draw=0)',
        (f"{UNTRAINED}::test_shots_are_of_each_class_nested_and_of_another_draw_others",),
    ),
    Bug(
        "gap_beside",
        "A prompt is asked for the token after its gap.",
        "mae_bench/protocols/cloze.py",
        "torch.tensor([start for _, start in rows], device=self.device)",
        "torch.tensor([start - 1 for _, start in rows], device=self.device)",
        (f"{UNTRAINED}::test_words_of_several_tokens_count_by_the_mean_of_theirs",),
    ),
)
