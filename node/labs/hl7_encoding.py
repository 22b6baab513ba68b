"""How an HL7 v2 message is written: its separators, escapes and character set, as MSH-1, MSH-2 and MSH-18 say."""

import re
from dataclasses import dataclass
from typing import Final

from node.labs.hl7_error import Hl7Error

CHARACTER_SETS: Final = {
    "": "utf-8",  # ASCII by the standard; those who send more without a word mostly mean this.
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp_2",
    "ISO IR159": "iso2022_jp_2",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "CNS 11643-1992": "big5",
    "BIG-5": "big5",
}
"""HL7 table 0211 to the codec."""
_ESCAPE = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")


@dataclass(frozen=True)
class Separators:
    """The characters of MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    def unescape(self, text: str) -> str:
        """Replace the escape sequences of chapter 2.7; those of highlighting and character sets vanish."""
        if self.escape not in text:
            return text
        parts = text.split(self.escape)
        # Every second part stands between two escape characters; a lone last one is text.
        plain = [part if number % 2 == 0 else self._meaning(part) for number, part in enumerate(parts[:-1])]
        return "".join(plain) + (parts[-1] if len(parts) % 2 else self.escape + parts[-1])

    def _meaning(self, sequence: str) -> str:
        named = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            ".br": "\n",
        }
        match = _ESCAPE.fullmatch(sequence)
        return bytes.fromhex(match[1]).decode("latin-1") if match else named.get(sequence, "")


def read_separators(start: bytes) -> Separators:
    """Return the separators that the first bytes of a message name.

    Raises
    ------
    Hl7Error
        They name none.
    """
    text = start.decode("latin-1")
    field = text[3:4]
    encoding = text[4:].split(field)[0] if field else ""
    marks = field + encoding[:4]
    # MSH-2 may leave out what the message does not use.
    if len(marks) < 2 or len(set(marks)) < len(marks) or not all(map(_is_mark, marks)):
        raise Hl7Error("AR", "MSH-1 and MSH-2 do not name the separators")
    usual = "^~\\&"
    return Separators(field, *(encoding + usual[len(encoding) :])[:4])


def _is_mark(char: str) -> bool:
    return char.isascii() and char.isprintable() and not char.isalnum() and not char.isspace()


def declared_character_set(content: bytes, separators: Separators) -> str:
    """Return what MSH-18 names, in capitals; empty where it names nothing."""
    fields = content.split(b"\r", 1)[0].split(separators.field.encode("latin-1"))
    value = fields[17] if len(fields) > 17 else b""
    return value.decode("latin-1").split(separators.repetition)[0].strip().upper()


def read_codec(content: bytes, separators: Separators) -> str:
    """Return the codec of the character set that MSH-18 names.

    Raises
    ------
    Hl7Error
        It is not known.
    """
    declared = declared_character_set(content, separators)
    codec = CHARACTER_SETS.get(declared)
    if codec is None:
        raise Hl7Error("AE", "MSH-18 names a character set that is not known")
    return codec
