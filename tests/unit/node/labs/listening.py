"""The listener as the node runs it: in a process of its own, which may be killed."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.sections.labs import LabsSection
from config.sections.node import NodeSection
from config.settings import Settings
from node.backoff import BackOff
from node.labs.listener import ListenerProcess

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def ledger_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.sqlite'}"


@contextmanager
def listening(folder: Path, **labs: object) -> Iterator[ListenerProcess]:
    """Run a listener on a free port with its ledger in `folder` until the block ends."""
    section = LabsSection.model_validate({"port": free_port(), "issuer": "HOSP", **labs})
    settings = Settings(node=NodeSection(storage=folder), labs=section)
    process = ListenerProcess(settings, ledger_url(folder), BackOff(0.05, 0.1, lambda: 0.5), time.monotonic)
    process.start()
    try:
        yield process
    finally:
        process.stop()


def kill(process: ListenerProcess) -> None:
    """End it as a power failure would."""
    running = process._running
    assert running is not None
    assert running.process.pid is not None
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.join()
