"""The catalogue of messages: every language says all of it, and nothing is said outside it."""

import ast
import html
import re
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_rows import floor_rows, small_study, table

import mae_bench.analysis
from mae_bench.analysis import fonts
from mae_bench.analysis.messages import LANGUAGES, catalogue, listed, message, speaking, word
from mae_bench.analysis.page import limits
from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.errors import SpecError
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.results import frame
from mae_bench.specs import Claim, EncoderSpec, study_limits

ROOM = Path(mae_bench.analysis.__file__).parent
SOURCES = {path.name: path.read_text("utf-8") for path in sorted(ROOM.glob("*.py"))}
TEMPLATES = {path.name: path.read_text("utf-8") for path in sorted(ROOM.glob("templates/*.j2"))}
OF_STEP_TIMES = ("speed.py", "speed.html.j2")  # a report of its own, in English alone
WORDS = ("column", "word", "unit", "after_number", "letter", "part", "quantity", "setting")
BASE = np.array([0.50, 0.55, 0.52, 0.51, 0.54, 0.53])


def texts(entry):
    return [entry] if isinstance(entry, str) else list(entry.values())


def placeholders(entry):
    parsed = (string.Formatter().parse(text) for text in texts(entry))
    return {name for parts in parsed for _, name, _, _ in parts if name}


def test_every_language_has_every_message_with_the_same_placeholders():
    english = catalogue("en")
    for language in LANGUAGES:
        theirs = catalogue(language)
        assert set(theirs) == set(english)
        for key, entry in theirs.items():
            assert type(entry) is type(english[key]), key
            assert placeholders(entry) == placeholders(english[key]), key
            tags = [
                sorted(re.findall(r"</?\w+>", " ".join(texts(e)))) for e in (entry, english[key])
            ]
            assert tags[0] == tags[1], key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_stands_twice(language):
    """The reader of studies refuses a key that stands twice; the safe loader keeps the last."""
    read_yaml((ROOM / f"messages/{language}.yaml").read_text("utf-8"), language)


def test_every_key_in_the_code_is_in_the_catalogue_and_the_other_way():
    whole = "\n".join([*SOURCES.values(), *TEMPLATES.values()])
    named = set(re.findall(rf'"((?:{"|".join(sections())})\.[a-z_]+)"', whole))
    assert named - set(catalogue("en")) <= {"scores.csv", "verdicts.json"}  # files
    used = named | {
        key
        for key in catalogue("en")
        if any(key.startswith(stem) for stem in stems())
        or key.split(".")[0] in (*WORDS, "count", "tools")
    }
    assert set(catalogue("en")) - used == set()


def sections():
    return {key.split(".")[0] for key in catalogue("en")}


def stems():
    """Return the beginnings of keys that the code ends with a word."""
    whole = "\n".join([*SOURCES.values(), *TEMPLATES.values()])
    return (
        set(re.findall(r'f"([a-z_]+\.[a-z_]*)\{', whole))
        | {f"{key}_" for key in re.findall(r'key = "([a-z_]+\.[a-z_]+)"', whole)}
        | {"figure.", "plain.cost", "list."}
    )  # axes by their slug; parts of a cost; kinds of lists


def test_no_sentence_is_written_outside_the_catalogue():
    said = {}
    for name, text in SOURCES.items():
        tree = ast.parse(text)
        of_errors = {id(n) for r in ast.walk(tree) if isinstance(r, ast.Raise) for n in ast.walk(r)}
        docstrings = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
        said[name] = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            and id(node) not in of_errors | docstrings
            and re.search(r"[A-Za-z']+(?:[ ,:]+[A-Za-z']+){3,}", node.value)
            and node.value not in catalogue("en")
            and not {f"{section}.{node.value}" for section in WORDS} & set(catalogue("en"))
        ]  # fmt: skip
    for name in (*OF_STEP_TIMES, "fonts.py"):  # names of fonts
        said.pop(name, None)
    said["claims.py"].remove("claims of the study")  # of a family, in files for programs
    assert {name: sentences for name, sentences in said.items() if sentences} == {}


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in OF_STEP_TIMES])
def test_no_word_is_written_in_a_template(name):
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", TEMPLATES[name], flags=re.DOTALL)
    bare = re.sub(r"<style>.*?</style>|<script.*?</script>|<[^>]*>", " ", bare, flags=re.DOTALL)
    assert set(re.findall(r"[A-Za-z]{2,}", bare)) <= {"mae", "bench"}


def test_the_limits_of_a_study_are_those_that_a_plan_prints():
    outside = EncoderSpec(**{"from": "owner/minilm", "label": "minilm"})
    study = small_study(seeds=(0,), repeats="finetuning", encoders=(outside,))
    assert limits(study) == study_limits(study)
    assert limits(small_study(seeds=(0, 1))) == study_limits(small_study(seeds=(0, 1)))


def test_one_and_many_and_lists():
    assert message("headline.all_supported", n=1, post_hoc="") == "The claim is supported."
    assert message("headline.all_supported", n=3, post_hoc="") == "All 3 claims are supported."
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a", "a and b", "a, b and c",
    ]  # fmt: skip
    with speaking("zh"):
        assert listed(["a", "b", "c"]) == "a、b 和 c"
        assert listed(["甲", "乙", "丙"]) == "甲、乙和丙"
        assert message("headline.wins", arm="mae", where="全部任务") == "mae 在全部任务上更优"
        assert word("column", "a task of a user") == "a task of a user"
    with pytest.raises(SpecError, match="en or zh, got 'fr'"), speaking("fr"):
        pass


def test_a_chinese_page_has_no_english_but_names(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    claim = Claim(sentence="论断一", treatment="mae", control="mlm")
    study = small_study(
        arms=("random_init", "mlm", "mae"), tasks=("sst2", "trec"), claims=(claim,),
        description="一项研究", control="mlm",
    )  # fmt: skip
    values = {"random_init": BASE - 0.2, "mlm": BASE, "mae": BASE + 0.1}
    fallen = {"random_init": BASE - 0.2, "mlm": BASE, "mae": [*BASE[:5], None]}
    cost = {"pretrain_flops": 1e12, "pretrain_s": 9.0, "encoder_flops": 1e12}
    rows = pd.concat(
        [
            frame(floor_rows([0.5] * 6)),
            table(values, **cost),
            table(fallen, task="trec", **cost),
        ]
    )
    rows["failure"] = rows["failure"].where(rows["failure"].isna(), "错误")
    context = ReportContext(provenance={"command": "x"}, language="zh")
    page = write_report(rows, study, tmp_path / "r", context=context).read_text("utf-8")
    page = re.sub(
        r"<style>.*?</style>|<script.*?</script>|<pre>.*?</pre>|<dl>.*?</dl>",
        "",
        page,
        flags=re.DOTALL,
    )
    page = re.sub(r"base64,[^\"]*", "", page)
    shown = re.findall(r'>([^<]+)<|(?:alt|title|aria-label)="([^"]*)"', page)
    english = [
        run
        for pair in shown
        for run in re.findall(
            r"[A-Za-z][A-Za-z']+(?: +[A-Za-z'/.]+){1,}", html.unescape("".join(pair))
        )
    ]
    assert set(english) <= {"majority class", "Student t", "mlm mae"}
    assert (
        "论断中" in page
        and "无法判定" in page
        and "图中文字为英文" in page
        and 'lang="zh-CN"' in page
    )
