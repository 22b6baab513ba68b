"""A fast typed access to the elements that matching reads."""

import struct
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from dicom_io.assembly.text import decode, printable
from dicom_io.assembly.wanted import BLOCKS, PRIVATE_ELEMENTS, tag_of

_BINARY = {"FD": "d", "FL": "f", "SS": "h"}
"""VRs whose values can be told from bytes of unknown VR; little endian, as UN is (PS3.5 6.2.2)."""


class Elements:
    """Typed access to a data set: absent, empty and malformed values are all "not known", and never raise.

    Values that repeat through a series are converted once: converting is most of the cost of reading headers.

    Parameters
    ----------
    dataset
        As read, values still raw.
    seen
        Converted values by tag, VR and bytes, shared by the files of one scan.
    """

    def __init__(self, dataset: Dataset, seen: dict[tuple[Any, ...], Any]) -> None:
        self._dataset = dataset
        self._seen = seen
        # Plain numbers as keys: a lookup by pydicom's own tags costs more than the conversion of a value.
        self._found = {int(tag): element for tag, element in dataset.items()}
        self._blocks: dict[str, int | None] = {}
        self._character_sets: tuple[str, ...] = ()
        self._character_sets = self.words("SpecificCharacterSet")

    def over(self, *others: "Elements") -> "Elements":
        """Return a view in which what is absent here is taken from `others`, the first that has it."""
        merged = Dataset()
        for source in reversed((self, *others)):
            merged.update(dict(source._dataset.items()))
        view = Elements(merged, self._seen)
        view._character_sets = self._character_sets
        return view

    def fingerprint(self, tags: Collection[int]) -> tuple[Any, ...]:
        """Return what is stored at `tags`: equal fingerprints have equal meanings."""
        found = [(tag, item) for tag, item in self._found.items() if tag in tags]
        return tuple(
            (tag, item.value, item.is_little_endian)
            if isinstance(item, RawDataElement) and isinstance(item.value, bytes)
            else (tag, str(item.value))
            for tag, item in found
        )

    def value(self, name: str | int) -> Any:
        """Return the converted value of a keyword or tag, or None."""
        tag = tag_of(name) if isinstance(name, str) else name
        raw = self._found.get(tag)
        if raw is None:
            return None
        content = raw.value
        if not isinstance(raw, RawDataElement) or not isinstance(content, bytes):
            return None if content is None else self._convert(tag)
        key = (tag, raw.VR, raw.is_little_endian, content)
        if key not in self._seen:
            self._seen[key] = self._convert(tag)
        return self._seen[key]

    def number(self, name: str | int) -> float | None:
        """Return the first value as a finite number, or None."""
        found = self.numbers(name)
        return found[0] if found else None

    def lacks_number(self, name: str | int) -> bool:
        """Say whether it is there and not empty, and holds no finite number."""
        raw = self._found.get(tag_of(name) if isinstance(name, str) else name)
        if raw is None or self.number(name) is not None:
            return False
        content = raw.value
        return bool(content.strip(b"\0 ") if isinstance(content, bytes) else content)

    def whole(self, name: str | int) -> int | None:
        """Return the first value as an integer, or None."""
        found = self.number(name)
        return None if found is None else int(found)

    def numbers(self, name: str | int) -> tuple[float, ...]:
        """Return all values as finite numbers; empty where absent or where one is not a number."""
        value = self.value(name)
        if value is None or isinstance(value, bytes):
            return ()
        return _numbers(value if isinstance(value, Sequence) and not isinstance(value, str) else [value])

    def words(self, name: str) -> tuple[str, ...]:
        """Return all values as stripped strings."""
        value = self.value(name)
        if value is None:
            return ()
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return tuple(printable(str(item)) for item in items)

    def word(self, name: str) -> str:
        """Return the value as one stripped string, or an empty one."""
        return "\\".join(self.words(name))

    def uid(self, keyword: str) -> str:
        """Return a UID as it stands there, but for its padding (PS3.5 9.1): one with a NUL inside is none."""
        value = self.value(keyword)
        return "" if value is None else str(value).strip(" \0")

    def text(self, keyword: str) -> tuple[str, ...]:
        """Return the readings of a text element, best first; one empty string where it is absent."""
        raw = self._found.get(tag_of(keyword))
        if raw is None:
            return ("",)
        content = raw.value
        if not isinstance(content, bytes):
            return (str(content or "").strip(),)
        key = ("text", content, self._character_sets)
        if key not in self._seen:
            self._seen[key] = decode(content, self._character_sets)
        result: tuple[str, ...] = self._seen[key]
        return result

    def items(self, name: str | int) -> list["Elements"]:
        """Return the items of a sequence; empty where absent or malformed."""
        tag = tag_of(name) if isinstance(name, str) else name
        if tag not in self._found:
            return []
        value = self._convert(tag)
        return [self._nested(item) for item in value or [] if isinstance(item, Dataset)]

    def private(self, creator: str, element: int) -> int | None:
        """Return the tag under which `creator` keeps `element`, or None where the block is absent."""
        group, _ = PRIVATE_ELEMENTS[creator]
        if creator not in self._blocks:
            found = (block for block in BLOCKS if self.word_at(group << 16 | block) == creator)
            self._blocks[creator] = next(found, None)
        block = self._blocks[creator]
        if block is None:
            return None
        tag = group << 16 | block << 8 | element
        return tag if tag in self._found else None

    def private_numbers(self, creator: str, element: int) -> tuple[float, ...]:
        """Return the numbers that `creator` keeps in `element`, also where its VR was lost on the way."""
        tag = self.private(creator, element)
        if tag is None:
            return ()
        value = self.value(tag)
        if not isinstance(value, bytes):
            return self.numbers(tag)
        form = _BINARY.get(PRIVATE_ELEMENTS[creator][1][element])
        if form is None:
            text = value.decode("ascii", "replace").strip(" \0")
            return _numbers(text.split("\\"))
        if not value or len(value) % struct.calcsize(form):
            return ()
        return _numbers(struct.unpack(f"<{len(value) // struct.calcsize(form)}{form}", value))

    def private_word(self, creator: str, element: int) -> str:
        """Return the word that `creator` keeps in `element`, or an empty one."""
        tag = self.private(creator, element)
        return "" if tag is None else self.word_at(tag)

    def private_items(self, creator: str, element: int) -> list["Elements"]:
        """Return the items of the sequence that `creator` keeps in `element`."""
        tag = self.private(creator, element)
        return [] if tag is None else self.items(tag)

    def word_at(self, tag: int) -> str:
        """Return the value at `tag` as a stripped string, or an empty one."""
        value = self.value(tag)
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        return printable(str(value)) if value is not None else ""

    def _nested(self, item: Dataset) -> "Elements":
        nested = Elements(item, self._seen)
        nested._character_sets = nested._character_sets or self._character_sets
        return nested

    def _convert(self, tag: int) -> Any:
        try:
            return self._dataset[tag].value
        except Exception:
            # pydicom converts lazily and raises whatever the malformed bytes provoke: ValueError, struct.error,
            # NotImplementedError, decimal.InvalidOperation. A value that cannot be read is not there.
            return None


def _numbers(items: Iterable[Any]) -> tuple[float, ...]:
    """Return all items as finite numbers; empty where one is not a number."""
    try:
        found = tuple(float(item) for item in items)
    except (TypeError, ValueError):
        return ()
    return found if all(abs(item) < float("inf") for item in found) else ()
