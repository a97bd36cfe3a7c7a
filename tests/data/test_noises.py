"""Each family of noises against a plain reference, and which share of its units it hits."""

import json
import re

import pyarrow
import pyarrow.parquet
import pytest
from noise_tables import CHINESE, ENGLISH, PAIRS, noisy

from mae_bench.data.noise import apply_noise
from mae_bench.data.noises import build_table, homophones, load_table, natural, noise_of
from mae_bench.data.noises.keyboards import neighbours
from mae_bench.data.noises.look_alikes import look_alikes
from mae_bench.data.noises.tables import TableSource, error_table, table_fingerprint
from mae_bench.data.sources import Source
from mae_bench.errors import DataError, StoreError
from mae_bench.specs import NoiseSpec

MANY = 1500
RATES = (0.05, 0.2, 0.4)


def ignore(done, total, note=""):
    pass


def changed(before, after):
    return sum(a != b for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize("rate", RATES)
def test_ocr_misreads_that_share_of_the_characters_that_have_look_alikes(rate):
    text = "S0me 5igns"  # none of these units is part of a longer one, and all are of one character
    table = look_alikes("en")
    units = [c for c in text if c in table]
    hits = 0
    for out in noisy("ocr", rate, [text] * MANY, [str(i) for i in range(MANY)]):
        # read back from left to right: each unit became itself or one of its look-alikes
        rest = out
        for unit in text:
            options = [unit, *table.get(unit, ())]
            read = max((o for o in options if rest.startswith(o)), key=len)
            hits += read != unit
            rest = rest.removeprefix(read)
        assert rest == ""
    assert hits / (len(units) * MANY) == pytest.approx(rate, rel=0.1)


def test_ocr_merges_and_splits():
    outs = set(noisy("ocr", 0.5, ["modern"] * 200))
    assert any("rnod" in out for out in outs)
    assert any(out.endswith("em") for out in outs)


def test_ocr_reads_the_longest_unit_and_knows_scripts():
    assert set(noisy("ocr", 1.0, ["rn"] * 20)) == {"m"}
    assert set(noisy("ocr", 1.0, ["己"] * 30, language="zh")) == {"已", "巳"}
    assert set(noisy("ocr", 1.0, ["ب"] * 60, language="ar")) == set("تثني")
    assert noisy("ocr", 1.0, ["à"], language="fr") == ["a"]


@pytest.mark.parametrize("rate", RATES)
def test_random_case_turns_that_share_of_the_letters(rate):
    texts = [ENGLISH] * MANY
    cased = sum(c.isalpha() for c in ENGLISH) * MANY
    hits = sum(map(changed, texts, noisy("random_case", rate, texts)))
    assert hits / cased == pytest.approx(rate, rel=0.05)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("name", "change"), [("lower_case", str.lower), ("upper_case", str.upper)])
def test_whole_texts_lose_their_case(name, change, rate):
    texts = [ENGLISH] * MANY
    out = noisy(name, rate, texts)
    assert set(out) == {ENGLISH, change(ENGLISH)}
    assert changed(texts, out) / MANY == pytest.approx(rate, abs=0.04)


@pytest.mark.parametrize("rate", RATES)
def test_marks_go_and_come(rate):
    texts = [ENGLISH] * MANY
    marks, words = re.findall(r"[^\w\s]", ENGLISH), ENGLISH.split()
    lost = sum(len(ENGLISH) - len(out) for out in noisy("drop_punctuation", rate, texts))
    assert lost / (len(marks) * MANY) == pytest.approx(rate, rel=0.1)
    gained = sum(len(out) - len(ENGLISH) for out in noisy("insert_punctuation", rate, texts))
    assert gained / (len(words) * MANY) == pytest.approx(rate, rel=0.05)


def test_without_marks_the_rest_stays():
    (out,) = noisy("drop_punctuation", 1.0, ["Well -- don't, she said: “no”!"])
    assert out == "Well  dont she said no"


def test_marks_are_those_of_the_script():
    marks = {
        c for out in noisy("insert_punctuation", 1.0, ["人们"] * 90, language="zh") for c in out
    }
    assert marks == set("人们，。；：！？")
    marks = {c for out in noisy("insert_punctuation", 1.0, ["ab"] * 90, language="am") for c in out}
    assert marks == set("ab፣።፤፥!?")


@pytest.mark.parametrize("rate", RATES)
def test_words_are_dropped_at_the_rate(rate):
    texts = [ENGLISH] * MANY
    words = len(ENGLISH.split())
    kept = sum(len(out.split()) for out in noisy("drop_words", rate, texts))
    assert 1 - kept / (words * MANY) == pytest.approx(rate, rel=0.05)
    for out in noisy("drop_words", rate, texts[:50]):
        left = iter(ENGLISH.split())
        assert all(word in left for word in out.split())  # in their order


def test_one_word_is_always_left_and_blanks_go_with_their_word():
    assert {out for out in noisy("drop_words", 1.0, ["a b"] * 30)} == {"a", "b"}
    assert all(len(out) == 1 for out in noisy("drop_words", 1.0, ["人们"] * 10, language="zh"))
    outs = noisy("drop_words", 0.5, ["  a  b\tc \n"] * 60)
    assert set(outs) <= {f"  {x}{y}{z}".replace("  \t", "  ") + " \n" for x in ("a", "") for y in
                         ("  b", "b", "") for z in ("\tc", "c", "")}  # fmt: skip


@pytest.mark.parametrize("rate", RATES)
def test_words_move_by_one_at_the_rate(rate):
    text = "zero one two three four five six seven eight nine"
    words = text.split()
    moved = 0
    for out in noisy("word_order", rate, [text] * MANY):
        new = out.split()
        assert sorted(new) == sorted(words)
        moves = [abs(words.index(word) - position) for position, word in enumerate(new)]
        assert max(moves) <= 1
        moved += sum(moves)
    # of ten words, all or eight stand in a pair, each as often
    assert moved / (9 * MANY) == pytest.approx(rate, rel=0.07)


def test_order_moves_characters_where_there_are_no_blanks():
    outs = set(noisy("word_order", 1.0, ["我去 home"] * 20, language="zh"))
    assert outs == {"去我 home", "我home 去"}


def test_homophones_are_those_of_the_standard():
    same = homophones.same_sound()
    groups = {frozenset({c, *others}) for c, others in same.items()}
    assert len(homophones.SYLLABLE_STARTS) == len(set(homophones.SYLLABLE_STARTS)) == 396
    assert sum(map(len, groups)) == len(same) == 3755 - 28  # whose syllable has no other
    assert set("时十") <= set(same["是"]) and "不" not in same["是"]
    assert same["女".replace("女", "绿")] and "女" not in same  # lü has others, nü has none here


@pytest.mark.parametrize("rate", RATES)
def test_homophones_hit_that_share_of_the_characters(rate):
    same = homophones.same_sound()
    texts = [CHINESE] * MANY
    units = sum(c in same for c in CHINESE) * MANY
    out = noisy("homophones", rate, texts, language="zh")
    assert sum(map(changed, texts, out)) / units == pytest.approx(rate, rel=0.05)
    assert all(a == b or b in same[a] for text in out for a, b in zip(CHINESE, text, strict=True))


def test_typos_slip_on_the_keyboard_of_the_language():
    assert set(neighbours("de")["t"]) == set("rzfg") and set(neighbours("en")["t"]) == set("ryfg")
    assert set(neighbours("fr")["a"]) == set("zq")
    assert "ц" in neighbours("ru")["й"] and neighbours("ru")["t"] == neighbours("en")["t"]
    german = noisy("typos", 1.0, ["t"] * 80, language="de")
    assert any("z" in out for out in german) and not any("y" in out for out in german)


@pytest.mark.parametrize("name", sorted(PAIRS))
@pytest.mark.parametrize("rate", RATES)
def test_known_words_get_the_errors_that_people_made(name, rate):
    errors = {}
    for word, error in PAIRS[name]:
        errors.setdefault(word, []).append(error)
    words = ["the", "friend", "quick"]
    known = [word for word in words if word in errors]
    hits = 0
    for word in words:
        outs = noisy(name, rate, [f"so {word}"] * MANY)
        assert {out.removeprefix("so").strip() for out in outs} <= {word, *errors.get(word, [])}
        hits += sum(out != f"so {word}" for out in outs)
    assert hits / (len(known) * MANY) == pytest.approx(rate, abs=0.02)


def test_an_error_comes_as_often_as_it_was_made_and_with_the_capitals_of_its_word():
    outs = noisy("lexnorm", 1.0, ["The"] * MANY)
    assert set(outs) == {"Da", "Te"}
    assert outs.count("Da") / MANY == pytest.approx(2 / 3, abs=0.04)
    assert set(noisy("misspellings", 1.0, ["THE QUICK"] * 50)) == {"TEH QICK", "HTE QICK"}
    assert noisy("misspellings", 1.0, ["the, friendly!"])[0] in ("teh, friendly!", "hte, friendly!")


def test_a_dropped_word_takes_its_blank_along():
    assert set(noisy("jfleg", 1.0, ["at the end"] * 30)) == {"at end", "at a end"}


def test_a_noise_without_its_table_is_refused():
    spec = NoiseSpec(name="jfleg", rate=0.2)
    with pytest.raises(DataError, match="noise 'jfleg' needs its table of errors and got none"):
        apply_noise(spec, ["a"], ["i"], task="t", split="test", seed=0)


def source(folder, *splits):
    return Source("", "", folder, "none", dict.fromkeys(splits, "x"))


def write(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def test_tables_are_read_counted_and_read_back(tmp_path):
    columns = {
        "correct": ["the", "the", "the", "a lot", "word", "city", "same"],
        "misspelling": ["teh", "teh", "hte", "alot", "wrod", "unlike-town", "same"],
        "source": ["x"] * 7,
    }
    write(tmp_path / "d" / "m" / "train.parquet", columns)
    table = TableSource({"en": source("m", "train")}, natural.MISSPELLINGS.read)
    build_table(table, "en", tmp_path / "out", tmp_path / "d", ignore)
    errors = load_table(tmp_path / "out").errors
    assert errors == {"the": (("hte", "teh"), (1, 3)), "word": (("wrod",), (1,))}
    meta = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert (meta["words"], meta["pairs"]) == (2, 3)
    before = table_fingerprint(table, "en", tmp_path / "d")
    write(tmp_path / "d" / "m" / "train.parquet", {k: v[1:] for k, v in columns.items()})
    assert table_fingerprint(table, "en", tmp_path / "d") != before


def test_tweets_give_single_words_case_apart(tmp_path):
    columns = {
        "input": [["RT", "U", "no", "Lol", "brah"]],
        "output": [["rt", "you", "no", "laughing out loud", "brother"]],
    }
    write(tmp_path / "l" / "train.parquet", columns)
    read = natural.LEXNORM.read(source("l", "train"), tmp_path)
    assert sorted(read) == [("brother", "brah"), ("you", "u")]


def test_learners_give_edits_of_single_words(tmp_path):
    columns = {
        "sentence": ["He go to school by the bus .", "I am agree with many big words"],
        "corrections": [["He goes to the school by bus ."], ["I agree with that"]],
    }
    write(tmp_path / "j" / "test.parquet", columns)
    read = natural.JFLEG.read(source("j", "test"), tmp_path)
    assert sorted(read) == [("agree", "am agree"), ("bus", "the bus"), ("goes", "go"), ("the", "")]


def test_a_damaged_table_is_named(tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"none")
    with pytest.raises(StoreError, match=r"the table of errors in .* is damaged"):
        load_table(tmp_path)
    write(tmp_path / "e" / "train.parquet", {"correct": ["a b"], "misspelling": ["ab"]})
    table = TableSource({"en": source("e", "train")}, natural.MISSPELLINGS.read)
    with pytest.raises(DataError, match="'e' holds no error of a single word"):
        build_table(table, "en", tmp_path / "out", tmp_path, ignore)


def test_languages_that_a_noise_cannot_change_are_refused():
    refused = {"lower_case": "zh", "homophones": "en", "ocr": "am", "jfleg": "de", "lexnorm": "zh"}
    for name, language in refused.items():
        assert noise_of(name).refusal(language)
    assert not noise_of("misspellings").refusal("cs") and noise_of("misspellings").refusal("en+de")
    assert not noise_of("lower_case").refusal("hau") and not noise_of("typos").refusal("zh")
    assert error_table([("a", "b")]).knows("A")
