"""How names of analytes and units are compared: without case, accents and punctuation."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+|[%#]")
_MICRO = str.maketrans({"\u00b5": "u", "\u03bc": "u"})
_LETTERS = str.maketrans({"ß": "ss", "γ": "gamma", "ł": "l", "ø": "o"})


@lru_cache(maxsize=8192)  # A laboratory sends the same few hundred names again and again.
def contains(text: str, phrases: tuple[str, ...]) -> bool:
    """Tell whether one of `phrases` stands in `text`, as whole words.

    Phrases in scripts without spaces between words, such as Chinese, may stand anywhere.
    """
    folded, words = _folded(text)
    for phrase in phrases:
        wanted, wanted_words = _folded(phrase)
        if (wanted in folded) if _is_unspaced(wanted) else (wanted_words in words):
            return True
    return False


def fold_unit(unit: str) -> str:
    """Return a spelling of a unit that its variants share."""
    return unit.translate(_MICRO).replace(" ", "").casefold()


@lru_cache(maxsize=4096)
def _folded(text: str) -> tuple[str, str]:
    folded = _fold(text)
    return folded, f" {' '.join(_WORD.findall(folded))} "


def _fold(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in parts if not unicodedata.combining(char))


def _is_unspaced(folded: str) -> bool:
    return any(unicodedata.category(char) == "Lo" for char in folded)
