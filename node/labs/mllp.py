"""MLLP over TCP and TLS: who may connect, and the answers in the order of the blocks (HL7 LLP)."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final

from node.labs.answering import MOST_AT_ONCE, AnswerGroup, Answering
from node.labs.mllp_blocks import END, READ_BYTES, START, BlockError, BlockReader, Limits, LongBlockError

logger = logging.getLogger(__name__)

_BACKLOG: Final = 128
_WRITE_TIMEOUT_S: Final = 30.0
_TLS_TIMEOUT_S: Final = 15.0


class MllpServer:
    """Listens, and answers the blocks of each connection in their order.

    Parameters
    ----------
    answer_group
        From blocks that wait together to their answers, None where there is none.
    limits
        For every connection.
    refuse_long
        From the beginning of a block that is too long to its answer.
    dropped
        Told whenever something that is no whole block is thrown away.
    """

    def __init__(
        self,
        answer_group: AnswerGroup,
        limits: Limits,
        refuse_long: Callable[[bytes], bytes | None] = lambda _start: None,
        dropped: Callable[[], None] = lambda: None,
    ) -> None:
        self._answering = Answering(answer_group)
        self._limits = limits
        self._refuse_long = refuse_long
        self._dropped = dropped
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
            self._accept, host, port, ssl=tls, backlog=_BACKLOG, limit=READ_BYTES, **timeouts
        )
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Take no more; what is being entered is entered, and a sender without its answer sends it again."""
        for server in self._servers:
            server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._answering.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= self._limits.connections:
            logger.warning("connection turned away, too many connections=%d", len(self._connections))
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            await self._serve(BlockReader(reader, self._limits, self._dropped), writer)
        except TimeoutError:
            logger.info("silent connection closed")
        except asyncio.CancelledError:
            # `close` alone cancels. asyncio (3.11) logs a traceback for a connection whose task ends as cancelled.
            logger.info("connection closed, the listener stops")
        except BlockError as error:
            logger.warning("connection closed because=%s", error)
        except (ConnectionError, ssl.SSLError) as error:
            logger.info("connection lost error=%s", type(error).__name__)
        finally:
            self._connections.discard(task)
            writer.transport.abort() if writer.transport.is_closing() else writer.close()

    async def _serve(self, blocks: BlockReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (block := await blocks.next()) is not None:
                waiting = [block]
                # A sender that does not wait for each answer has sent more: they share one wait for the disk.
                while len(waiting) < MOST_AT_ONCE and (block := blocks.ready()) is not None:
                    waiting.append(block)
                for answer in await asyncio.gather(*map(self._answering.answer, waiting)):
                    await _write(writer, answer)
        except LongBlockError as error:
            await _write(writer, await self._answering.run(self._refuse_long, error.start))
            raise


async def _write(writer: asyncio.StreamWriter, answer: bytes | None) -> None:
    if answer is not None:
        writer.write(START + answer + END)
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            await writer.drain()
