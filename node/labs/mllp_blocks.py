"""MLLP: blocks between <VT> and <FS><CR> out of a stream, with limits for hostile senders (HL7 LLP)."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

START, END = b"\x0b", b"\x1c\r"
READ_BYTES: Final = 65536
_BLANK: Final = b"\r\n\t \x1c\x00"
_MOST_TOO_LONG: Final = 64
"""How many times the longest block a sender may send to the end, to read its answer."""


_QUIET_S: Final = 1.0
"""A sender of too much that says no more for so long waits for its answer, s."""


@dataclass(frozen=True)
class Limits:
    """What a sender may ask of the listener.

    Parameters
    ----------
    message_bytes
        Longest block.
    connections
        Most at once.
    idle_s
        Longest silence between two blocks.
    message_s
        Longest time from the first byte of a block to its last.
    """

    message_bytes: int
    connections: int
    idle_s: float
    message_s: float


class BlockError(Exception):
    """What a sender does cannot be answered; its connection is closed."""


class LongBlockError(BlockError):
    """A block is too long; it is refused, and its connection closed.

    Parameters
    ----------
    start
        Of the block, enough for its header.
    """

    def __init__(self, start: bytes) -> None:
        self.start = start
        super().__init__("a block is too long")


class BlockReader:
    """Blocks out of a stream.

    Between blocks anything is skipped; a second <VT> begins the block anew: its sender gave the first one up.

    Parameters
    ----------
    stream
        Of one connection.
    limits
        For it.
    dropped
        Told whenever something that is no whole block is thrown away.
    """

    def __init__(
        self, stream: asyncio.StreamReader, limits: Limits, dropped: Callable[[], None] = lambda: None
    ) -> None:
        self._stream = stream
        self._limits = limits
        self._dropped = dropped
        self._buffer = bytearray()
        self._told = False

    async def next(self) -> bytes | None:
        """Return the content of the next block; None where the sender has closed the connection.

        Raises
        ------
        LongBlockError
            The block is too long.
        BlockError
            It does not end.
        TimeoutError
            The sender is silent for too long.
        """
        async with asyncio.timeout(self._limits.idle_s):
            while (start := self._buffer.find(START)) < 0:
                self._skip(len(self._buffer))
                if not await self._more():
                    return None
        self._skip(start)
        del self._buffer[: len(START)]
        try:
            async with asyncio.timeout(self._limits.message_s):
                return await self._rest()
        except TimeoutError as error:
            self._dropped()
            raise BlockError("a block did not end in time") from error

    def ready(self) -> bytes | None:
        """Return the next block where all of it has arrived, without waiting."""
        start = self._buffer.find(START)
        end = self._buffer.find(END, start) if start >= 0 else -1
        if end < 0 or end - start > self._limits.message_bytes:
            return None
        self._skip(start)
        return self._cut(len(START), end - start)

    async def _rest(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(END, searched)) < 0:
            if len(self._buffer) > self._limits.message_bytes:
                raise await self._too_long()
            # <FS> and <CR> may come in two pieces.
            searched = max(0, len(self._buffer) - 1)
            if not await self._more():
                self._dropped()
                raise BlockError("the connection ended within a block")
        if end > self._limits.message_bytes:
            raise LongBlockError(bytes(self._buffer[:READ_BYTES]))
        return self._cut(0, end)

    async def _too_long(self) -> LongBlockError:
        """Read on to the end of the block: a sender that still sends would find its connection reset."""
        start, read = bytes(self._buffer[:READ_BYTES]), 0
        with suppress(TimeoutError):
            while END not in self._buffer and read <= _MOST_TOO_LONG * self._limits.message_bytes:
                del self._buffer[:-1]
                async with asyncio.timeout(_QUIET_S):
                    if not await self._more():
                        break
                read += len(self._buffer)
        return LongBlockError(start)

    def _cut(self, start: int, end: int) -> bytes:
        content = bytes(self._buffer[start:end])
        del self._buffer[: end + len(END)]
        given_up, mark, whole = content.rpartition(START)
        if mark:
            logger.warning("block begun anew, its first beginning dropped bytes=%d", len(given_up))
            self._dropped()
        return whole

    def _skip(self, count: int) -> None:
        rubbish = bytes(self._buffer[:count]).strip(_BLANK)
        del self._buffer[:count]
        if not rubbish:
            return
        self._dropped()
        if not self._told:
            # Once a connection: whoever sends nothing else must not fill the log.
            logger.warning("bytes outside of any block dropped bytes=%d", len(rubbish))
            self._told = True

    async def _more(self) -> bool:
        data = await self._stream.read(READ_BYTES)
        self._buffer += data
        return bool(data)
