"""C-STORE statuses (PS3.4 B.2.3, PS3.7 C): what is answered, and what an answer means for the sender."""

from enum import IntEnum, StrEnum


class StoreStatus(IntEnum):
    """What this implementation answers to C-STORE, and to requests that it does not serve."""

    SUCCESS = 0x0000
    """The instance lies under its final name on a disk that was told to keep it."""
    OUT_OF_RESOURCES = 0xA700
    """No space or no way to record it; the same instance may be sent again later."""
    DATA_SET_DOES_NOT_MATCH = 0xA900
    """SOP class or instance differ between presentation context, request and data set."""
    CANNOT_UNDERSTAND = 0xC000
    """The data set cannot be parsed as far as its identifiers."""
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    """The presentation context was accepted for the other role, or for another service."""
    UNRECOGNISED_OPERATION = 0x0211
    """A DIMSE-N operation that is not of the service that was agreed."""
    NOT_AUTHORISED = 0x0124
    """The peer may connect, and not store."""
    PROCESSING_FAILURE = 0x0110
    """A fault of this implementation."""


class Disposition(StrEnum):
    """What the answer of a peer means for the sender."""

    DELIVERED = "delivered"
    """Success, or the peer has the instance already."""
    WARNING = "warning"
    """Stored, with a remark."""
    TRANSIENT = "transient"
    """Not stored now; worth another attempt."""
    PERMANENT = "permanent"
    """Not stored, and the same attempt would end the same way."""


_DELIVERED = frozenset({0x0000, 0x0111})
"""Success, and duplicate SOP instance (PS3.7 C.5): UIDs derive from the content, the peer has this very one."""
_WARNINGS = frozenset({0x0001, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007})
_TRANSIENT_GENERAL = frozenset({0x0110, 0x0213})
"""Processing failure and resource limitation (PS3.7 C.5): the peer's condition, not the object's."""
_WORDS = {
    0x0106: "invalid attribute value",
    0x0110: "processing failure",
    0x0111: "it has this object already",
    0x0112: "no such object instance",
    0x0117: "invalid object instance",
    0x0119: "class-instance conflict",
    0x0122: "SOP class not supported",
    0x0124: "not authorised",
    0x0213: "resource limitation",
    0xB000: "coercion of data elements",
    0xB006: "elements discarded",
    0xB007: "data set does not match the SOP class",
}
_RANGES = {0xA7: "out of resources", 0xA9: "data set does not match the SOP class"}
"""By the upper byte, PS3.4 B.2.3."""
_CANNOT_UNDERSTAND = 0xC


def status_words(status: int) -> str:
    """Return a C-STORE status, or a failure reason (0008,1197), in words."""
    word = _WORDS.get(status) or _RANGES.get(status >> 8)
    if word is None and status >> 12 == _CANNOT_UNDERSTAND:
        word = "cannot understand the data set"
    return f"0x{status:04X}" + (f", {word}" if word else "")


def store_disposition(status: int) -> Disposition:
    """Return what a C-STORE status means for the sender.

    Parameters
    ----------
    status
        Value of (0000,0900), 0x0000 to 0xFFFF.
    """
    if status in _DELIVERED:
        return Disposition.DELIVERED
    if status in _WARNINGS or 0xB000 <= status <= 0xBFFF:
        return Disposition.WARNING
    if 0xA700 <= status <= 0xA7FF or status in _TRANSIENT_GENERAL:
        return Disposition.TRANSIENT
    return Disposition.PERMANENT
