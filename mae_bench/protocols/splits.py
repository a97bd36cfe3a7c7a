"""What a protocol may read of a task: a seeded subset to train on, and texts with their noise.

Every protocol, floors included, reads its examples here, so that none sees another subset or
another noise. Noise acts on text, before any tokenising.
"""

from mae_bench.errors import DataError
from mae_bench.protocols.noisy import noisy
from mae_bench.specs import EvaluateSpec, NoiseSpec
from mae_bench.tasks.base import Examples, Task, TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.subsets import subset


class Splits:
    """The parts of a task at a spec's train size, noise and seed.

    Attributes:
        task: what the task is.
        train: the subset to train on, under the training noise.
        selection: the part to choose on, under the training noise.
    """

    def __init__(self, spec: EvaluateSpec, data: TaskData) -> None:
        """Read the training and selection parts; the test split stays untouched.

        Where there is no training part, the selection part is read as it is, and may be empty.

        Raises:
            DataError: the selection part is empty, or the train size is above the data.
        """
        self.task: Task = data.task
        self._data = data
        self._seed = spec.seed
        if not len(data.train):  # a test alone, or read by a protocol that learns nothing
            self.train, self.selection = data.train, data.selection
            return
        if not data.selection.ids:
            raise DataError(
                f"task '{self.task.name}' has no selection examples, so nothing can be chosen; "
                "build it with more training data"
            )
        groups = kind_of(self.task).groups(data.train.labels)
        train = subset(
            data.train,
            spec.train_size,
            groups=groups,
            task=self.task.trained_as,
            seed=spec.seed,
            names=self.task.label_names,
        )
        is_trained_on = spec.train_noise.where in ("train", "both")
        noise = spec.train_noise if is_trained_on else None
        self.train = self._noisy(train, noise, "train")
        self.selection = self._noisy(data.selection, noise, "selection")

    def test(self, noise: NoiseSpec) -> Examples:
        """Return the test examples under a noise; clean where it is a noise of training only."""
        is_tested_on = noise.where in ("test", "both")
        return self._noisy(self._data.test, noise if is_tested_on else None, "test")

    def _noisy(self, examples: Examples, noise: NoiseSpec | None, split: str) -> Examples:
        if noise is None:
            return examples
        return noisy(examples, noise, self._data, split=split, seed=self._seed)
