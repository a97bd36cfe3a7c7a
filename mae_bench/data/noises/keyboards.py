"""Keys that touch on a keyboard, by language.

Rows are half a key apart; blanks stand for keys without a letter. Layouts as operating systems
ship them (Unicode CLDR keyboards): QWERTZ of Germany and Czechia, AZERTY of France, QWERTY of Spain
and Turkey (Q), JCUKEN of Russia and Ukraine, Greek, Arabic 101, Hebrew SI 1452, Thai Kedmanee.
"""

from functools import cache

from mae_bench.data.languages import codes_of

Rows = tuple[str, ...]
_QWERTY = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_JCUKEN = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_ARABIC = ("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤر ىةوزظ")
_LAYOUTS: dict[str, Rows] = {
    "de": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm"),
    "cs": ("qwertzuiopú", "asdfghjklů", "yxcvbnm"),
    "fr": ("azertyuiop", "qsdfghjklm", "wxcvbn"),
    "es": ("qwertyuiop", "asdfghjklñ", "zxcvbnm"),
    "tr": ("qwertyuıopğü", "asdfghjklşi", "zxcvbnmöç"),
    "ru": _JCUKEN,
    "uk": ("йцукенгшщзхї", "фівапролджє", "ячсмитьбю"),
    "el": (" ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    "ar": _ARABIC,
    "arq": _ARABIC,
    "ary": _ARABIC,
    "he": ("  קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),
    "th": ("ๆไำพะัีรนยบล", "ฟหกดเ้่าสวง", "ผปแอิืทมใฝ"),
}


@cache
def neighbours(language: str) -> dict[str, str]:
    """Return for each letter those that touch its key on a language's keyboard.

    A keyboard with other letters carries the Latin ones, too, as QWERTY has them.
    """
    keys: dict[str, str] = {}
    for code in codes_of(language):
        for letter, others in _touching(_LAYOUTS.get(code, _QWERTY)).items():
            keys.setdefault(letter, others)
    return _touching(_QWERTY) | keys


def _touching(rows: Rows) -> dict[str, str]:
    at = {
        letter: (column + 0.5 * row, row)
        for row, keys in enumerate(rows)
        for column, letter in enumerate(keys)
        if letter.isalpha()
    }
    return {
        letter: "".join(
            other
            for other, (u, v) in at.items()
            if other != letter and abs(u - x) <= 1 and abs(v - y) <= 1
        )
        for letter, (x, y) in at.items()
    }
