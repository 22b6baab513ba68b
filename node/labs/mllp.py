"""MLLP: blocks between <VT> and <FS><CR> on a TCP connection, with limits for hostile senders (HL7 LLP)."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

START, END = b"\x0b", b"\x1c\r"
_READ_BYTES: Final = 65536
_BACKLOG: Final = 128
_WRITE_TIMEOUT_S: Final = 30.0
_TLS_TIMEOUT_S: Final = 15.0


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


class BlockReader:
    """Blocks out of a stream.

    Between blocks anything is skipped; a second <VT> begins the block anew: its sender gave the first one up.

    Parameters
    ----------
    stream
        Of one connection.
    limits
        For it.
    """

    def __init__(self, stream: asyncio.StreamReader, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._buffer = bytearray()

    async def next(self) -> bytes | None:
        """Return the content of the next block; None where the sender has closed the connection.

        Raises
        ------
        BlockError
            The block is too long, or does not end.
        TimeoutError
            The sender is silent for too long.
        """
        async with asyncio.timeout(self._limits.idle_s):
            while (start := self._buffer.find(START)) < 0:
                self._buffer.clear()
                if not await self._more():
                    return None
        del self._buffer[: start + 1]
        try:
            async with asyncio.timeout(self._limits.message_s):
                return await self._rest()
        except TimeoutError as error:
            raise BlockError("a block did not end in time") from error

    async def _rest(self) -> bytes:
        searched = 0
        while (end := self._buffer.find(END, searched)) < 0:
            if len(self._buffer) > self._limits.message_bytes:
                raise BlockError("a block is too long")
            # <FS> and <CR> may come in two pieces.
            searched = max(0, len(self._buffer) - 1)
            if not await self._more():
                raise BlockError("the connection ended within a block")
        if end > self._limits.message_bytes:
            raise BlockError("a block is too long")
        content = bytes(self._buffer[:end])
        del self._buffer[: end + len(END)]
        return content.rpartition(START)[2]

    async def _more(self) -> bool:
        data = await self._stream.read(_READ_BYTES)
        self._buffer += data
        return bool(data)


class MllpServer:
    """Listens, and answers one block after the other.

    Parameters
    ----------
    answer
        From a block to its answer, None where there is none. It runs in one thread: the ledger has one writer.
    limits
        For every connection.
    """

    def __init__(self, answer: Callable[[bytes], bytes | None], limits: Limits) -> None:
        self._answer = answer
        self._limits = limits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hl7")
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Accept connections; return the port.

        Raises
        ------
        OSError
            The address cannot be used.
        """
        timeouts = {} if tls is None else {"ssl_handshake_timeout": _TLS_TIMEOUT_S}
        server = await asyncio.start_server(
            self._accept, host, port, ssl=tls, backlog=_BACKLOG, limit=_READ_BYTES, **timeouts
        )
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Take no more; what is being answered is still answered."""
        for server in self._servers:
            server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= self._limits.connections:
            logger.warning("connection turned away, too many connections=%d", len(self._connections))
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._serve(BlockReader(reader, self._limits), writer)
        except TimeoutError:
            logger.info("silent connection closed")
        except BlockError as error:
            logger.warning("connection closed because=%s", error)
        except (ConnectionError, ssl.SSLError) as error:
            logger.info("connection lost error=%s", type(error).__name__)
        finally:
            self._connections.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _serve(self, blocks: BlockReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while (block := await blocks.next()) is not None:
            # Shielded: a message that is being entered gets its answer, also while the listener stops.
            answer = await asyncio.shield(loop.run_in_executor(self._thread, self._answer, block))
            if answer is not None:
                writer.write(START + answer + END)
                async with asyncio.timeout(_WRITE_TIMEOUT_S):
                    await writer.drain()
