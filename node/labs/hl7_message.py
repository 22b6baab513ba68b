"""HL7 v2 messages: bytes to segments and fields, and nothing that a sender wrote wrongly ends the listener.

Fields are split where they are asked for. The `hl7` package builds a tree of every component: 2 ms of a processor
for a panel of twelve results, more than all the rest together; the tests compare the two.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.errors import NodeError

logger = logging.getLogger(__name__)

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
_FALL_BACK: Final = "iso8859-1"
_HEADERS = (b"MSH", b"BHS", b"FHS")
_BOM = b"\xef\xbb\xbf"
"""Some systems write a file's byte order mark in front of what they send."""
_ESCAPE = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")


class Hl7Error(NodeError):
    """A message that cannot be taken.

    Parameters
    ----------
    acknowledgement
        ``AE`` or ``AR`` (HL7 table 0008).
    because
        A sentence without patient data.
    """

    def __init__(self, acknowledgement: str, because: str) -> None:
        self.acknowledgement = acknowledgement
        self.because = because
        super().__init__(because)


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


@dataclass(frozen=True)
class Segment:
    """One segment; fields count as in the standard, also those of MSH."""

    name: str
    fields: Sequence[str]
    separators: Separators

    def field(self, number: int) -> str:
        """Return a field as it stands, without its escapes replaced; empty where absent."""
        return self.fields[number].strip() if number < len(self.fields) else ""

    def repetitions(self, number: int) -> list[str]:
        """Return the repetitions of a field that hold anything."""
        return [part for part in self.field(number).split(self.separators.repetition) if part]

    def components(self, text: str, least: int = 1) -> list[str]:
        """Split a field or repetition, escapes replaced; as many as `least` at the least."""
        found = [self.separators.unescape(part).strip() for part in text.split(self.separators.component)]
        return found + [""] * (least - len(found))

    def first(self, number: int) -> str:
        """Return the first component of the first repetition of a field."""
        whole = self.repetitions(number)
        return self.components(whole[0])[0] if whole else ""


@dataclass(frozen=True)
class Message:
    """One message.

    Parameters
    ----------
    segments
        MSH first.
    codec
        Its character set, for the answer.
    """

    segments: Sequence[Segment]
    codec: str

    @property
    def header(self) -> Segment:
        """MSH."""
        return self.segments[0]


def split_batch(block: bytes) -> list[bytes]:
    """Return the messages of a block: one, or those between FHS, BHS, BTS and FTS (chapter 2.10.3)."""
    lines = [line.strip(b"\n ") for line in block.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")]
    messages: list[list[bytes]] = []
    for line in lines:
        own = line.removeprefix(_BOM)
        if own.startswith(b"MSH"):
            messages.append([])
        elif not own or own[:3] in (b"BHS", b"FHS", b"BTS", b"FTS"):
            continue
        if messages:
            messages[-1].append(own)
        else:
            logger.warning("line before the first MSH segment dropped bytes=%d", len(line))
    return [b"\r".join(message) for message in messages]


def is_short_of(block: bytes) -> bool:
    """Tell whether BTS-1 counts other messages than its batch holds; a batch need not count them."""
    count = 0
    for line in re.split(rb"[\r\n]+", block):
        own = line.strip().removeprefix(_BOM)
        if own.startswith(b"BHS"):
            count = 0
        elif own.startswith(b"MSH"):
            count += 1
        elif own.startswith(b"BTS"):
            stated = own[4:].split(own[3:4])[0].strip() if own[3:4] else b""
            if stated.isdigit() and len(stated) < 9 and int(stated) != count:
                return True
    return False


def is_batch(block: bytes) -> bool:
    """Tell whether a block holds a batch, which is answered by one."""
    return block.lstrip().removeprefix(_BOM)[:3] in _HEADERS[1:]


def read_message(content: bytes) -> Message:
    """Read one message.

    Raises
    ------
    Hl7Error
        Its separators or its character set make no sense.
    """
    separators = _separators(content[:16])
    codec = _codec(content, separators)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        if codec != "utf-8" or _declared(content, separators):
            raise Hl7Error("AE", "the text is not in the character set that MSH-18 names") from None
        codec = _FALL_BACK
        text = content.decode(codec)
    if "\x00" in text:
        raise Hl7Error("AR", "the message holds NUL characters")
    return Message([_segment(line, separators) for line in text.split("\r") if line], codec)


def _segment(line: str, separators: Separators) -> Segment:
    name, *fields = line.split(separators.field)
    if name == "MSH":
        # MSH-1 is the separator itself, and MSH-2 is not to be split or unescaped.
        return Segment(name, [name, separators.field, *fields], separators)
    return Segment(name.strip(), [name, *fields], separators)


def _separators(start: bytes) -> Separators:
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


def _declared(content: bytes, separators: Separators) -> str:
    fields = content.split(b"\r", 1)[0].split(separators.field.encode("latin-1"))
    value = fields[17] if len(fields) > 17 else b""
    return value.decode("latin-1").split(separators.repetition)[0].strip().upper()


def _codec(content: bytes, separators: Separators) -> str:
    declared = _declared(content, separators)
    codec = CHARACTER_SETS.get(declared)
    if codec is None:
        raise Hl7Error("AE", "MSH-18 names a character set that is not known")
    return codec
