"""Descriptions that technologists type: character sets, declared or not, and one spelling for matching."""

import re
import unicodedata
from collections.abc import Iterable

from pydicom.charset import convert_encodings, decode_bytes

UNDECLARED_ENCODINGS = ("utf-8", "gb18030", "shift_jis", "euc_kr")
"""Tried where bytes above 0x7F come without a matching Specific Character Set; UTF-8 first."""

_WESTERN = frozenset(
    f"{prefix} {number}" for prefix in ("ISO_IR", "ISO 2022 IR") for number in (6, 100, 101, 109, 110, 148, 203)
) | {""}
"""Declared also where nobody cared: any byte has a letter in them."""

LETTERS = frozenset(
    "动脉期门静肝胆特异延迟平衡移行扫增强前蒙片压脂弥散扩减影定位像水冠状轴横断晚早分钟普美显钆塞酸"
    "動脈相門造影前単純肝細胞後期平衡移行脂肪抑制拡散差分水画像冠状断早"
    "조영전동맥기문간담도세포지연평형이행방억제확산감관상횡단"
    "プレーンサブガドキセトリモビスト"
)
"""Of the words that descriptions are made of: a right reading holds more of them than gibberish does."""

_STRANGE = re.compile(
    r"[^\x20-\x7e\xa0-\u017f\u0370-\u0eff\u1e00-\u1eff\u2000-\u22ff\u3000-\u9fff\uac00-\ud7a3\uff00-\uffef]"
)
"""Letters that no description is written in: a reading that holds one is a wrong one."""

TEXT_DELIMITERS = set(b"\\\r\n\t\f=")
"""Control characters at which ISO 2022 code elements are reset (PS3.5 6.1.2.5.3)."""

_ESCAPES = re.compile(r"\x1b[$()\-,./]*[0-~]")
_NEGATIVE_CONTRAST = re.compile(r"(?<!\w)c-(?!\w)")
_WITHOUT_FAT_SATURATION = re.compile(
    r"(?<!\w)(?:w/o|w\.o\.|without|no|non|ohne|sans|sin|sem|senza)[\s\-_]*"
    r"(?:fs|fat ?sat\w*|fett\w*|(?:sat|sup)\w*[\s\-_]+(?:d[ei][\s\-_]+)?gra\w*)(?!\w)"
)
_WITHOUT = re.compile(r"(?<!\w)(?:w/o|w\.o\.)(?:\s*(?:contrast|gad\w*|gd|c\+?))?(?!\w)")
_ACCENTS = re.compile(r"[\u0300-\u036f]")
_PARTS_OF_MINUTES = re.compile(r"(?<![\w.,:])(\d+)[.,:]\d+(?= ?(?:min|mn))")
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
    if max(raw, default=0) < 0x80 and b"\x1b" not in raw:
        return (printable(raw.decode("ascii")),)
    declared = list(character_sets)
    if b"\x1b" in raw:
        encodings = convert_encodings([name for name in declared if name] or None)
        return (printable(_ESCAPES.sub("", decode_bytes(raw, encodings, TEXT_DELIMITERS))),)
    # Without an escape sequence only the first set is in force (PS3.5 6.1.2.5.3).
    (encoding,) = convert_encodings(declared[:1] or None)[:1]
    said = _strictly(raw, encoding)
    if said is None:
        return tuple(dict.fromkeys([*_guesses(raw), printable(raw.decode(encoding, "replace"))]))
    if declared[:1] and declared[0] not in _WESTERN:
        # Text that went astray before it was encoded anew: `¶¯ÂöÆÚ` in good UTF-8.
        astray = _astray(raw.decode(encoding))
        if astray is None and _STRANGE.search(said):
            astray = raw
        return tuple(dict.fromkeys([*(_guesses(astray) if astray else ()), said]))
    guesses = _guesses(raw)
    likely = [text for text in guesses if _looks_asian(text)] + _valid_utf8(raw)
    return tuple(dict.fromkeys([*likely, said, *guesses]))


def _guesses(raw: bytes) -> list[str]:
    """Return the readings of undeclared bytes, the one with the most letters of descriptions first."""
    if readings := _valid_utf8(raw):
        return readings
    found = [text for name in UNDECLARED_ENCODINGS if (text := _strictly(raw, name)) is not None]
    return sorted(found, key=lambda text: -sum(letter in LETTERS for letter in text))


def _valid_utf8(raw: bytes) -> list[str]:
    """Return the reading as UTF-8 where it is one of letters that descriptions are written in, else nothing.

    Two bytes of GBK may be good UTF-8 by chance, of letters that no description holds.
    """
    text = _strictly(raw, "utf-8")
    return [] if text is None or _STRANGE.search(text) else [text]


def _astray(text: str) -> bytes | None:
    """Return the bytes of which a text is a Latin misreading, or None where it is none."""
    if not re.search(r"[\x80-\xff]{2}", text):
        return None
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        return None
    readable = _valid_utf8(raw) or [guess for guess in _guesses(raw) if _looks_asian(guess)]
    return raw if readable else None


def normalise(text: str) -> str:
    """Return `text` in the one spelling that the lexicon expects: NFKC, lower case, blanks between words."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("_", " ").strip()
    text = _WITHOUT_FAT_SATURATION.sub(" nonfatsat ", text)
    text = _WITHOUT.sub(" noncontrast ", text)
    text = _NEGATIVE_CONTRAST.sub(" noncontrast ", text)
    # `1.10 min` is no ten minutes.
    text = _PARTS_OF_MINUTES.sub(r"\1", text)
    text = _SEPARATORS.sub(" ", text).strip()
    return text.removeprefix("wip ").strip()


def unaccented(text: str) -> str:
    """Return `text` without accents over letters; kana and hangul keep their marks."""
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))


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
