"""Fonts of figures: Chinese needs one that this machine has, else figures stay in English."""

import logging
from functools import cache

from matplotlib import font_manager

from mae_bench.analysis.messages import LANGUAGES, language

_LATIN = "DejaVu Sans"  # comes with matplotlib
_CHINESE = (  # families with the signs of Simplified Chinese, those of free systems first
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",  # the first face of Noto's collection, all that matplotlib reads of it
    "Droid Sans Fallback",
    "PingFang SC",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
)


def _is_no_want_of_bold(record: logging.LogRecord) -> bool:
    """Whether a warning is other than that Chinese headings are not bold, as no free font is."""
    return "font weight" not in record.getMessage()


@cache
def chinese_font() -> str | None:
    """Return a family with Chinese signs that matplotlib knows of; None where there is none."""
    logging.getLogger("matplotlib.font_manager").addFilter(_is_no_want_of_bold)
    known = {font.name for font in font_manager.fontManager.ttflist}
    return next((name for name in _CHINESE if name in known), None)


def figure_language() -> str:
    """Return the language of figures: the report's, if there is a font for it."""
    return LANGUAGES[0] if language() == "zh" and chinese_font() is None else language()


def text_fonts() -> list[str]:
    """Return the families of figures in the order in which they are asked for a sign."""
    chinese = chinese_font()
    return [_LATIN, chinese] if chinese and language() == "zh" else [_LATIN]
