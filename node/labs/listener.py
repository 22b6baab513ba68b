"""The HL7 listener in a process of its own: what it does, and how the node starts and watches it."""

import asyncio
import logging
import multiprocessing
import os
import signal
import ssl
from collections.abc import Callable, Mapping
from ctypes import Array, c_uint64
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event as StopEvent

from config.analytes import analytes_in_force
from config.errors import NodeError
from config.sections.labs import LabsSection
from config.settings import Settings
from node.labs.hl7_answer import ANSWERS, COUNTED, DROPPED, UNMATCHED
from node.labs.hl7_receiver import Hl7Receiver
from node.labs.mllp import MllpServer
from node.labs.mllp_blocks import Limits
from node.labs.tls import server_context
from node.ledger.ledger import Ledger, open_ledger
from node.logging import configure_logging
from node.reception.process import ReceptionError, ReceptionProcess
from node.reception.start_report import NOT_LISTENING, Ports

logger = logging.getLogger(__name__)

LOOK_FOR_STOP_EVERY_S = 0.2


@dataclass(frozen=True)
class ListenerReport:
    """What the process says: where it listens, or why it does not."""

    ports: Ports = NOT_LISTENING
    error: str = ""
    starting: bool = False


def is_wanted(labs: LabsSection) -> bool:
    """Tell whether the settings ask for a listener."""
    return bool(labs.port or labs.tls_port)


def listen(
    counts: "Array[c_uint64]", settings: Settings, ledger_url: str, ready: Connection, stop: StopEvent
) -> None:
    """Run in the new process until told to stop; `counts` are in the order of `COUNTED`."""
    configure_logging()
    try:
        with open_ledger(ledger_url) as ledger:
            asyncio.run(_listen(counts, settings, ledger, ready, stop))
    except (NodeError, OSError) as error:
        ready.send(ListenerReport(error=f"HL7 listener: {error}"))


async def _listen(
    counts: "Array[c_uint64]", settings: Settings, ledger: Ledger, ready: Connection, stop: StopEvent
) -> None:
    labs = settings.labs
    rules = analytes_in_force(labs.analytes)

    def count(what: str) -> None:
        # One thread answers, and another alone counts what is dropped: no two write the same number.
        counts[COUNTED.index(what)] += 1

    receiver = Hl7Receiver(ledger.labs, rules, labs.issuer, lambda: ledger.clock().astimezone(), count)
    limits = Limits(
        labs.maximum_message_bytes, labs.maximum_connections, labs.idle_timeout_s, labs.message_timeout_s
    )
    server = MllpServer(receiver.answer_group, limits, receiver.refuse_long, lambda: count(DROPPED))
    plain = await _open(server, labs, "port") if labs.port else None
    tls = await _open(server, labs, "tls_port", server_context(labs)) if labs.tls_port else None
    logger.info("HL7 listener ready host=%s port=%s tls_port=%s", labs.host, plain, tls)
    ready.send(ListenerReport(Ports(plain, tls)))
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    parent = multiprocessing.parent_process()
    # A killed node cannot tell; an orphan would hold the port that the restarted node needs.
    while not (stop.is_set() or asked.is_set()) and (parent is None or parent.is_alive()):
        await asyncio.sleep(LOOK_FOR_STOP_EVERY_S)
    await server.close()


async def _open(server: MllpServer, labs: LabsSection, key: str, tls: ssl.SSLContext | None = None) -> int:
    port: int = getattr(labs, key)
    try:
        return await server.listen(labs.host, port, tls)
    except OSError as error:
        because = os.strerror(error.errno).lower() if error.errno else str(error)
        raise NodeError(
            f"{labs.host}:{port} cannot be listened on ({because}); set labs.host, or choose another labs.{key}"
        ) from error


@dataclass
class ListenerProcess(ReceptionProcess):
    """The HL7 listener, replaced where it dies, as the receiver is."""

    target: Callable[[Settings, str, Connection, StopEvent], None] = field(init=False)
    name: str = "the HL7 listener"
    _counts: "Array[c_uint64]" = field(init=False)

    def __post_init__(self) -> None:
        """Share the counts of answers with the process, and with the one that replaces it."""
        self._counts = multiprocessing.get_context("spawn").RawArray(c_uint64, len(COUNTED))
        self.target = partial(listen, self._counts)

    def answers(self) -> Mapping[str, int]:
        """Return how many messages got which answer since the node started."""
        return {answer: self._counts[COUNTED.index(answer)] for answer in ANSWERS}

    def fates(self) -> Mapping[str, int]:
        """Return how many corrections and withdrawals were of results that are not known."""
        return {UNMATCHED: self._counts[COUNTED.index(UNMATCHED)]}

    def _keep(self, ports: Ports) -> None:
        """Change nothing: the ports are those of the settings."""

    def watch(self) -> None:
        """Start the listener again where it died, for ever: images go on without it."""
        try:
            super().watch()
        except ReceptionError as error:
            logger.error("%s; trying on", error)  # noqa: TRY400 - expected, no traceback
            self._failures = 0
