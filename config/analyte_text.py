"""How names of analytes and units are compared: without case, accents and punctuation."""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+|[%#]")
_MICRO = str.maketrans({"\u00b5": "u", "\u03bc": "u"})
_LETTERS = str.maketrans({"ß": "ss", "γ": "gamma", "ł": "l", "ø": "o"})


def contains(text: str, phrases: Iterable[str]) -> bool:
    """Tell whether one of `phrases` stands in `text`, as whole words.

    Phrases in scripts without spaces between words, such as Chinese, may stand anywhere.
    """
    folded = _fold(text)
    words = f" {' '.join(_WORD.findall(folded))} "
    for phrase in phrases:
        wanted = _fold(phrase)
        found = wanted in folded if _is_unspaced(wanted) else f" {' '.join(_WORD.findall(wanted))} " in words
        if found:
            return True
    return False


def fold_unit(unit: str) -> str:
    """Return a spelling of a unit that its variants share."""
    return unit.translate(_MICRO).replace(" ", "").casefold()


def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in parts if not unicodedata.combining(char))


def _is_unspaced(folded: str) -> bool:
    return any(unicodedata.category(char) == "Lo" for char in folded)
