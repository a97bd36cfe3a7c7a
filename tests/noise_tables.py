"""Small tables of errors for the noises that need one, and texts on which every noise acts."""

from mae_bench.data.noise import apply_noise
from mae_bench.data.noises import NOISES, noise_of
from mae_bench.data.noises.tables import error_table
from mae_bench.specs import CLEAN, NoiseSpec

PAIRS = {
    "misspellings": [("the", "teh"), ("the", "hte"), ("friend", "freind"), ("quick", "qick")],
    "lexnorm": [("you", "u"), ("the", "da"), ("the", "da"), ("the", "te"), ("friend", "fren")],
    "jfleg": [("the", ""), ("the", "a"), ("friend", "the friend"), ("quick", "quickly")],
}
TABLES = {name: error_table(pairs) for name, pairs in PAIRS.items()}
ENGLISH = "The quick friend of you, Anna Modern, said: the friends saw the Quick fox; you run."
CHINESE = "人们未来在这里买东西，问题是时间太少。我的同事也没有办法！"
OF_TEXT = [name for name in NOISES.names() if name != "clean" and not noise_of(name).is_of_labels]


def noisy(name, rate, texts, ids=None, language="en", seed=0):
    """Return texts under a noise, with the table it needs."""
    ids = ids or [f"test-{i}" for i in range(len(texts))]
    spec = CLEAN if name == CLEAN.name else NoiseSpec(name=name, rate=rate)
    where = {"task": "t", "split": "test", "seed": seed}
    table = TABLES.get(name)
    return apply_noise(spec, texts, ids, **where, language=language, table=table)
