"""Preamble and file meta information of a received instance, without a data set of pydicom (PS3.10 7.1)."""

import struct

from dicom_io.network.identity import InstanceIdentity
from dicom_io.network.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_PREAMBLE = b"\0" * 128 + b"DICM"
_GROUP = 0x0002
_SHORT, _LONG = struct.Struct("<HH2sH"), struct.Struct("<HH2sHL")
_AE_CHARACTERS = 16


def part10_header(identity: InstanceIdentity, *, source_ae_title: str) -> bytes:
    """Return what stands in front of the data set in a file that will hold this instance.

    Parameters
    ----------
    source_ae_title
        (0002,0016); left out where it is blank.
    """
    elements = [
        _LONG.pack(_GROUP, 0x0001, b"OB", 0, 2) + b"\x00\x01",
        _uid(0x0002, identity.sop_class_uid),
        _uid(0x0003, identity.sop_instance_uid),
        _uid(0x0010, identity.transfer_syntax_uid),
        _uid(0x0012, IMPLEMENTATION_CLASS_UID),
        _text(0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
    ]
    if source_ae_title.strip():
        elements.append(_text(0x0016, b"AE", source_ae_title.strip()[:_AE_CHARACTERS]))
    body = b"".join(elements)
    return _PREAMBLE + _SHORT.pack(_GROUP, 0x0000, b"UL", 4) + struct.pack("<L", len(body)) + body


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return _SHORT.pack(_GROUP, element, b"UI", len(value)) + value


def _text(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    value += b" " * (len(value) % 2)
    return _SHORT.pack(_GROUP, element, vr, len(value)) + value
