"""What is wrong in a `tuning` section is said of that section, with its line."""

import pytest

from mae_bench.api import open_session, plan
from mae_bench.errors import SpecError
from mae_bench.planning.study import load_study
from mae_bench.tuning import run_study

STUDY = """\
name: tuned
corpus: {sources: [world], tokens: 5_000, row_length: 32}
objectives: [mlm, mae]
tasks: [world/topic]
tuning:
  trials: 2
  WRONG
"""
WRONG = {
    "a floor": ("protocol: tfidf", "tuning.protocol must evaluate .*, got 'tfidf', a floor"),
    "the other floor": ("protocol: majority", "tuning.protocol must .*, got 'majority', a floor"),
    "a reader": ("protocol: representation", "tuning.protocol must choose on a task"),
    "no protocol": ("protocol: fintune", "tuning.protocol: unknown protocol.*Did you mean 'fine"),
    "the corpus": ("tasks: [corpus]", "tuning.tasks must name labelled tasks, got 'corpus'"),
    "no task": ("tasks: [world/topics]", "tuning.tasks: unknown task.*Did you mean 'world/topic'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_name_has_its_key_its_file_and_its_line(tmp_path, case):
    written, sentence = WRONG[case]
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("WRONG", written))
    with pytest.raises(SpecError, match=rf"^{path}, line 7: {sentence}"):
        plan(path, home=tmp_path / "home", device="cpu")
    with pytest.raises(SpecError, match=rf"^{sentence}"):
        run_study(load_study(path), home=tmp_path / "home", device="cpu")
    assert not (tmp_path / "home").exists()


def test_a_wrong_override_is_not_blamed_on_the_file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.replace("WRONG", "protocol: finetune"))
    with pytest.raises(SpecError, match=r"^--set tuning.protocol=tfidf: tuning.protocol must"):
        open_session(path, ["tuning.protocol=tfidf"], home=tmp_path / "home")


def test_arguments_are_called_as_python_calls_them(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.partition("tuning:")[0])
    with pytest.raises(SpecError, match=r"^workers must be at least 1, got 0$"):
        run_study(path, home=tmp_path, workers=0)
    with pytest.raises(SpecError, match=r"^device must be one of auto, cpu, cuda; got 'tpu'$"):
        plan(path, home=tmp_path, device="tpu")
