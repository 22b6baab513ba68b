"""Blocks of all connections to one thread, those that wait together in one go: one wait for the disk for all."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

AnswerGroup = Callable[[Sequence[bytes]], Sequence[bytes | None]]
"""Returns the answer to each block, None where there is none."""
MOST_AT_ONCE: Final = 64
"""Blocks of one go: the first of them waits for the last."""


class Answering:
    """Asks for answers in the order in which the blocks came.

    Parameters
    ----------
    answer_group
        It runs in one thread: the ledger has one writer.
    """

    def __init__(self, answer_group: AnswerGroup) -> None:
        self._answer_group = answer_group
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hl7")
        self._waiting: list[tuple[bytes, asyncio.Future[bytes | None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def answer(self, block: bytes) -> bytes | None:
        """Return the answer to one block."""
        found: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((block, found))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._go_on())
        return await found

    async def run(self, answer: Callable[[bytes], bytes | None], content: bytes) -> bytes | None:
        """Return what another function says, asked in the same thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, answer, content)

    async def close(self) -> None:
        """End what is being entered, and begin nothing more."""
        self._waiting.clear()
        if self._work is not None:
            await asyncio.gather(self._work, return_exceptions=True)
        self._thread.shutdown(wait=True)

    async def _go_on(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            blocks = [block for block, _ in group]
            work = asyncio.get_running_loop().run_in_executor(self._thread, self._answer_group, blocks)
            try:
                answers = await work
            except Exception as error:
                for _, found in group:
                    if not found.done():
                        found.set_exception(error)
                continue
            for (_, found), answer in zip(group, answers, strict=True):
                if not found.done():
                    found.set_result(answer)
