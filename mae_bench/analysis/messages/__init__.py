"""The words of reports, a YAML file for each language: by key, with named placeholders.

A message is a text, or a pair of texts, ``one`` and ``other``: the value ``n`` chooses.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import yaml
from markupsafe import Markup

from mae_bench.errors import SpecError

Message = str | Mapping[str, str]
LANGUAGES = ("en", "zh")  # ISO 639
_CHINESE = r"[\u2018-\u201d\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
_BLANKS_BETWEEN = re.compile(rf"(?<={_CHINESE}) +(?={_CHINESE})")
_language: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let every message inside be of a language.

    Raises:
        SpecError: there is no catalogue of it.
    """
    if language not in LANGUAGES:
        known = " or ".join(LANGUAGES)
        raise SpecError(f"reports are written in {known}, got '{language}'; give --lang {known}")
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def language() -> str:
    """Return the language of the messages at this moment."""
    return _language.get()


@cache
def catalogue(language: str) -> Mapping[str, Message]:
    """Return all messages of a language, by key: ``section.name``."""
    text = (Path(__file__).parent / f"{language}.yaml").read_text(encoding="utf-8")
    sections: Mapping[str, Mapping[str, Message]] = yaml.safe_load(text)
    return {f"{section}.{name}": m for section, ms in sections.items() for name, m in ms.items()}


def message(key: str, **values: object) -> str:
    """Return a message with its placeholders filled in.

    Chinese messages set placeholders apart by blanks, as Latin words are; beside a Chinese value
    there is none.
    """
    chosen = catalogue(language())[key]
    if not isinstance(chosen, str):
        chosen = chosen["one" if values["n"] == 1 else "other"]
    text = chosen.format(**values)
    return _BLANKS_BETWEEN.sub("", text) if language() == "zh" else text


def word(section: str, name: str) -> str:
    """Return a heading, a mark or a unit, by its English name; the name itself where it is unknown.

    Names of arms and tasks, and units of other packages, are not translated.
    """
    chosen = catalogue(language()).get(f"{section}.{name}", name)
    return chosen if isinstance(chosen, str) else name


def markup(key: str, **values: object) -> Markup:
    """Return a message that holds HTML, its values escaped."""
    chosen = catalogue(language())[key]
    assert isinstance(chosen, str)
    return Markup(chosen).format(**values)


def counted(key: str, n: int) -> str:
    """Return a number with its noun, such as ``6 seeds``; thousands are set apart."""
    return message(f"count.{key}", n=n, number=f"{n:,}")


def messages_of(section: str) -> dict[str, str]:
    """Return the texts of a section by name, their placeholders still open."""
    start = f"{section}."
    chosen = catalogue(language()).items()
    return {key.removeprefix(start): str(m) for key, m in chosen if key.startswith(start)}


def listed(words: Iterable[str], of: str = "") -> str:
    """Return words as a sentence lists them: ``a, b and c``; ``of`` may be ``clauses``."""
    *first, last = words
    if not first:
        return last
    kind = f"_{of}" if of else ""
    commas = message(f"list.comma{kind}").join(first)
    return message(f"list.all{kind}", first=commas, last=last)


def joined(sentences: Iterable[str]) -> str:
    """Return sentences one after another, as the language sets them apart."""
    return message("list.space").join(sentence for sentence in sentences if sentence)
