"""The script in which a language is written, as noises and keyboards need it.

Only languages that are not written in Latin letters are listed: an unknown code says nothing.
"""

LATIN, UNKNOWN = "Latin", ""
CASED = frozenset({LATIN, "Cyrillic", "Greek", "Armenian", UNKNOWN})
FULL_WIDTH = frozenset({"Han", "Japanese"})  # scripts with punctuation marks of their own width
_LANGUAGES = {
    "Han": "zh zho cmn yue lzh",
    "Japanese": "ja jpn",
    "Hangul": "ko kor",
    "Arabic": "ar ara arq ary arz fa fas ur urd ps ckb ug sd",
    "Cyrillic": "ru rus uk ukr be bel bg bul sr srp mk kk ky mn tg",
    "Greek": "el ell",
    "Hebrew": "he heb yi",
    "Armenian": "hy hye",
    "Georgian": "ka kat",
    "Ethiopic": "am amh ti tir",
    "Devanagari": "hi hin mr mar ne sa",
    "Bengali": "bn ben as",
    "Gurmukhi": "pa",
    "Gujarati": "gu",
    "Tamil": "ta tam",
    "Telugu": "te tel",
    "Kannada": "kn",
    "Malayalam": "ml",
    "Sinhala": "si",
    "Thai": "th tha",
    "Lao": "lo",
    "Khmer": "km",
    "Myanmar": "my",
    "Tibetan": "bo",
    LATIN: "en eng de deu fr fra es spa pt por it ita nl nld cs ces tr tur vi vie pl sv da fi",
}
_SCRIPTS = {code: script for script, codes in _LANGUAGES.items() for code in codes.split()}


def codes_of(language: str) -> tuple[str, ...]:
    """Return the codes of a task's language, ``en+zh`` or ``zh-Hant``, without their regions."""
    return tuple(code.partition("-")[0].lower() for code in language.split("+"))


def scripts_of(language: str) -> frozenset[str]:
    """Return the scripts of a task's language; `UNKNOWN` for a code that is not listed."""
    return frozenset(_SCRIPTS.get(code, UNKNOWN) for code in codes_of(language))
