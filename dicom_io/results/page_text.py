"""Texts that a hospital wrote, as a page can show them: in the fonts of this machine, and in lines that fit."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FALLBACKS = (
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
    "wqy-microhei.ttc",
    "NotoSansThai-Regular.ttf",
)
"""Files of fonts with Chinese, Japanese, Korean and Thai; those that are installed are used."""
NOT_SHOWN = "…"
"""Stands for characters that no font of this machine has: an empty box says nothing, and looks like a fault."""
NOTE = f"{NOT_SHOWN} stands for characters that this page cannot show; the report has them."

_OWN = "DejaVu Sans"
_FILLER = "\0"
"""Behind a wide character, so that it counts as two."""
_AFTER_WIDE = re.compile(rf"[^{_FILLER}]{_FILLER}|[^{_FILLER}]+?(?=[^{_FILLER}]{_FILLER}|$)")


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """Return the font families of a page, in the order in which a character is looked for."""
    found = {Path(path).name: path for path in font_manager.findSystemFonts()}
    names = [_OWN]
    for path in (found[name] for name in FALLBACKS if name in found):
        font_manager.fontManager.addfont(path)
        names.append(FT2Font(path).family_name)
    return tuple(names)


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    return frozenset().union(*(FT2Font(font_manager.findfont(name)).get_charmap() for name in families()))


def shown(text: str) -> str:
    """Return a text with `NOT_SHOWN` in place of what no font has.

    Parameters
    ----------
    text
        Of a header or a person: in any script.
    """
    known = _characters()
    # A run of them is one sign.
    runs = groupby(text, key=lambda letter: ord(letter) in known or letter.isspace())
    return "".join("".join(run) if is_known else NOT_SHOWN for is_known, run in runs)


def wrapped(text: str, columns: int, *, most_lines: int) -> list[str]:
    """Break a text into lines.

    Parameters
    ----------
    columns
        Most Latin characters of a line; a wide one counts as two.
    most_lines
        Where there are more, the last ends with ``...``.
    """
    filled = "".join(_with_width(shown(text)))
    lines = _Wrapper(columns, max_lines=most_lines, placeholder=" ...").wrap(filled)
    return [line.replace(_FILLER, "") for line in lines]


class _Wrapper(textwrap.TextWrapper):
    def _split(self, text: str) -> list[str]:
        # A line may end behind any wide character.
        return [part for chunk in super()._split(text) for part in _AFTER_WIDE.findall(chunk)]


def _with_width(text: str) -> Iterable[str]:
    for letter in text:
        yield letter
        if unicodedata.east_asian_width(letter) in "WF":
            yield _FILLER
