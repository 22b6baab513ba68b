"""Data sets to files. Most elements of a study repeat, and each of them is encoded once."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.charset import convert_encodings
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

IMPLEMENTATION_CLASS_UID = UID("2.25.268912356134573218465239112387412056993")

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018


class Encoder:
    """Writes the instances of one study.

    Parameters
    ----------
    implicit
        Whether the transfer syntax is Implicit VR Little Endian; Explicit otherwise.
    character_sets
        Values of Specific Character Set of the study.
    """

    def __init__(self, *, implicit: bool, character_sets: tuple[str, ...]) -> None:
        self._implicit = implicit
        self._encodings = convert_encodings(list(character_sets))
        self._seen: dict[tuple[Any, ...], bytes] = {}

    def encode(self, ds: Dataset) -> dict[int, bytes]:
        """Return the encoded elements of a data set by tag; pixels are left to `write`."""
        return {int(tag): self._element(ds, tag) for tag in ds.keys()}  # noqa: SIM118 - iterating gives elements

    def write(self, path: Path, elements: Mapping[int, bytes], pixels: bytes) -> None:
        """Write one instance.

        Parameters
        ----------
        elements
            Encoded, by tag.
        pixels
            Pixel Data, 16-bit words.
        """
        meta = self._file_meta(elements)
        body = b"".join(elements[tag] for tag in sorted(elements))
        path.write_bytes(b"".join((b"\0" * 128, b"DICM", meta, body, self._pixel_header(len(pixels)), pixels)))

    def sequence(self, tag: int, items: Iterable[Mapping[int, bytes]]) -> bytes:
        """Return a sequence of encoded items, all of defined length (PS3.5 7.5)."""
        bodies = [b"".join(elements[key] for key in sorted(elements)) for elements in items]
        content = b"".join(b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body for body in bodies)
        header = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        vr = b"" if self._implicit else b"SQ\0\0"
        return header + vr + len(content).to_bytes(4, "little") + content

    def _element(self, ds: Dataset, tag: BaseTag) -> bytes:
        element = ds[tag]
        if element.VR == "SQ":
            return self.sequence(int(tag), [self.encode(item) for item in element.value])
        key = (int(tag), element.VR, repr(element.value))
        if key not in self._seen:
            stream = DicomBytesIO()
            stream.is_implicit_VR, stream.is_little_endian = self._implicit, True
            write_data_element(stream, element, self._encodings)
            self._seen[key] = bytes(stream.getvalue())
        return self._seen[key]

    def _pixel_header(self, length: int) -> bytes:
        tag, size = b"\xe0\x7f\x10\x00", length.to_bytes(4, "little")
        return tag + (size if self._implicit else b"OW\0\0" + size)

    def _file_meta(self, elements: Mapping[int, bytes]) -> bytes:
        """Return the file meta information (PS3.10 7.1), always Explicit VR Little Endian."""
        header = 8
        class_uid, instance_uid = (elements[tag][header:] for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID))
        syntax = ImplicitVRLittleEndian if self._implicit else ExplicitVRLittleEndian
        entries = b"".join(
            (
                b"\2\0\1\0OB\0\0\2\0\0\0\0\1",
                _meta(0x02, b"UI", class_uid),
                _meta(0x03, b"UI", instance_uid),
                _meta(0x10, b"UI", syntax.encode()),
                _meta(0x12, b"UI", IMPLEMENTATION_CLASS_UID.encode()),
                _meta(0x13, b"SH", b"MVI_PHANTOM"),
            )
        )
        return _meta(0x00, b"UL", len(entries).to_bytes(4, "little")) + entries


def _meta(element: int, vr: bytes, value: bytes) -> bytes:
    padded = value + (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    return b"\2\0" + bytes((element, 0)) + vr + len(padded).to_bytes(2, "little") + padded
