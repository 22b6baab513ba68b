"""HL7 v2 messages: bytes to segments and fields, and nothing that a sender wrote wrongly ends the listener.

Fields are split where they are asked for. The `hl7` package builds a tree of every component: 2 ms of a processor
for a panel of twelve results, more than all the rest together; the tests compare the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.labs.hl7_encoding import Separators, declared_character_set, read_codec, read_separators
from node.labs.hl7_error import Hl7Error

_FALL_BACK: Final = "iso8859-1"


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


def read_message(content: bytes) -> Message:
    """Read one message.

    Raises
    ------
    Hl7Error
        Its separators or its character set make no sense.
    """
    separators = read_separators(content[:16])
    codec = read_codec(content, separators)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        if codec != "utf-8" or declared_character_set(content, separators):
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
