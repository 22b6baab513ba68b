"""Descriptions that technologists type: character sets, declared or not, and one spelling for matching."""

import re
import unicodedata
from collections.abc import Iterable

from pydicom.charset import convert_encodings, decode_bytes

UNDECLARED_ENCODINGS = ("utf-8", "gb18030", "shift_jis", "euc_kr")
"""Tried where bytes above 0x7F come without a matching Specific Character Set; UTF-8 first."""

TEXT_DELIMITERS = set(b"\\\r\n\t\f=")
"""Control characters at which ISO 2022 code elements are reset (PS3.5 6.1.2.5.3)."""

_ESCAPES = re.compile(r"\x1b[$()\-,./]*[0-~]")
_NEGATIVE_CONTRAST = re.compile(r"(?<!\w)c-(?!\w)")
_WITHOUT_FAT_SATURATION = re.compile(r"(?<!\w)(?:w/o|w\.o\.|without|no|non)[\s\-_]*(?:fs|fat ?sat\w*)(?!\w)")
_WITHOUT = re.compile(r"(?<!\w)(?:w/o|w\.o\.)(?:\s*(?:contrast|gad\w*|gd|c\+?))?(?!\w)")
_SEPARATORS = re.compile(r"[./\\\-\s]+")


def decode(raw: bytes, character_sets: Iterable[str]) -> tuple[str, ...]:
    """Decode a text element, with guesses where the declaration does not fit the bytes.

    Parameters
    ----------
    raw
        The value as stored.
    character_sets
        Values of Specific Character Set (0008,0005); empty where absent.

    Returns
    -------
    tuple[str, ...]
        The best reading first, then every other encoding that accepts the bytes. A wrong reading is gibberish,
        which no lexicon holds, so that all of them may be searched.
    """
    declared = [name for name in character_sets if name]
    if max(raw, default=0) < 0x80 and b"\x1b" not in raw:
        return (printable(raw.decode("ascii")),)
    encodings = convert_encodings(list(declared) or None)
    first = printable(_ESCAPES.sub("", decode_bytes(raw, encodings, TEXT_DELIMITERS)))
    if b"\x1b" in raw or any(name not in ("ISO_IR 100", "ISO_IR 6", "ISO 2022 IR 6") for name in declared):
        return (first,)
    guesses = [text for name in UNDECLARED_ENCODINGS if (text := _strictly(raw, name)) is not None]
    readable = [text for text in guesses if _looks_asian(text)]
    return tuple(dict.fromkeys([*readable, first, *guesses]))


def normalise(text: str) -> str:
    """Return `text` in the one spelling that the lexicon expects: NFKC, lower case, blanks between words."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("_", " ").strip()
    text = _WITHOUT_FAT_SATURATION.sub(" nonfatsat ", text)
    text = _WITHOUT.sub(" noncontrast ", text)
    text = _NEGATIVE_CONTRAST.sub(" noncontrast ", text)
    text = _SEPARATORS.sub(" ", text).strip()
    return text.removeprefix("wip ").strip()


def printable(text: str) -> str:
    """Return `text` without control characters, which would otherwise reach terminals and logs."""
    return "".join(character for character in text if character.isprintable()).strip()


def _strictly(raw: bytes, encoding: str) -> str | None:
    try:
        return printable(raw.decode(encoding))
    except UnicodeDecodeError:
        return None


def _looks_asian(text: str) -> bool:
    """Tell whether two Han, kana or hangul stand together; accented Latin read as GBK gives single ones."""
    return re.search(r"[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff66-\uff9f]{2}", text) is not None
