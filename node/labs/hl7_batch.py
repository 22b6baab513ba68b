"""Blocks of HL7 v2 messages: one, or a batch between FHS, BHS, BTS and FTS (chapter 2.10.3)."""

import logging
import re

logger = logging.getLogger(__name__)

_HEADERS = (b"MSH", b"BHS", b"FHS")
_BOM = b"\xef\xbb\xbf"
"""Some systems write a file's byte order mark in front of what they send."""


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
