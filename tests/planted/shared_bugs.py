"""Bugs of what cells of one process share, and of what is worked out once for several."""

from bugs import Bug

LOGISTIC = "tests/reference/test_logistic.py"
NEIGHBOURS = "tests/reference/test_neighbours.py"
WORDS = "tests/protocols/test_word_vectors.py"
BUGS = (
    Bug(
        "penalty_twice",
        "The penalty of the loss is twice what its gradient says.",
        "mae_bench/tasks/logistic.py",
        "float(0.5 * shrinkage * np.dot(shrunk, shrunk))",
        "float(shrinkage * np.dot(shrunk, shrunk))",
        (f"{LOGISTIC}::test_every_model_is_scikit_learns",),
    ),
    Bug(
        "nearest_of_the_first_k",
        "Every number of neighbours gets as many as the smallest.",
        "mae_bench/protocols/neighbours.py",
        "np.argpartition(distances, count - 1, axis=1)[:, :count]",
        "np.argpartition(distances, count - 1, axis=1)[:, : counts[0]]",
        (f"{NEIGHBOURS}::test_every_k_votes_as_scikit_learns_model_of_that_k",),
    ),
    Bug(
        "words_of_any_recipe",
        "Words that one recipe read are those of every other.",
        "mae_bench/protocols/word_vectors.py",
        "content = (files, device, precision, recipe.max_length, recipe.batch_size)",
        "content = (files, device)",
        (f"{WORDS}::test_another_recipe_or_encoder_shares_nothing",),
    ),
    Bug(
        "encoder_of_the_old_files",
        "An encoder that was written anew is read as it was.",
        "mae_bench/protocols/frozen_encoder.py",
        "key = (files, device)",
        "key = (str(checkpoint), device)",
        (f"{WORDS}::test_an_encoder_is_read_once_until_its_files_change",),
    ),
)
