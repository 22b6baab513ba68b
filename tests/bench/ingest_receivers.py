"""The receivers of `bench_ingest`, each a process of its own on a free port.

All get `TCP_NODELAY=1`: what is built on DCMTK writes its answers in two pieces and else waits 40 ms for each.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scu import echo
from tests.integration.orthanc import free_port, running_orthanc
from tests.integration.service import LOOPBACK, running_node

SENDER = "SCANNER"
START_S = 30.0
QUIET_S, QUIET_CPU_S = 0.5, 0.05
"""A receiver that has used less processor time than that for so long has started."""


@dataclass(frozen=True)
class Receiver:
    """Where to send to."""

    ae_title: str
    port: int


@contextmanager
def without_nagle() -> Iterator[None]:
    """Give the processes that are started meanwhile `TCP_NODELAY=1`, which DCMTK and what uses it obey."""
    before = os.environ.get("TCP_NODELAY")
    os.environ["TCP_NODELAY"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TCP_NODELAY"]
        else:
            os.environ["TCP_NODELAY"] = before


@contextmanager
def ours(folder: Path) -> Iterator[Receiver]:
    """`mvi-node serve`, with fsync and the ledger."""
    peer = {"name": "scanner", "ae_title": SENDER, "host": LOOPBACK, "may_send": True}
    with running_node(folder, 0, [peer], deadline_s=100_000) as node:
        yield Receiver(node.ae_title, node.port)


@contextmanager
def orthanc(folder: Path) -> Iterator[Receiver]:
    """Orthanc with fsync of each file (SyncStorageArea, its default): it then promises what ours promises."""
    with _orthanc(folder, fsync=True) as receiver:
        yield receiver


@contextmanager
def orthanc_without_fsync(folder: Path) -> Iterator[Receiver]:
    """Orthanc with SyncStorageArea off: faster, and what it acknowledged may be lost with the power."""
    with _orthanc(folder, fsync=False) as receiver:
        yield receiver


@contextmanager
def _orthanc(folder: Path, *, fsync: bool) -> Iterator[Receiver]:
    folder.mkdir(parents=True)
    with running_orthanc(folder, {SENDER: (SENDER, LOOPBACK, 104)}, fsync=fsync) as running:
        yield Receiver(running.ae_title, running.port)


@contextmanager
def dcmtk(folder: Path) -> Iterator[Receiver]:
    """DCMTK storescp, one process an association, without fsync."""
    folder.mkdir(parents=True)
    port = free_port()
    command = ["/usr/bin/storescp", "--fork", "-aet", "DCMTK", "-od", str(folder), str(port)]
    with _running(command, Receiver("DCMTK", port)) as receiver:
        yield receiver


@contextmanager
def stock_decoding(folder: Path) -> Iterator[Receiver]:
    """Plain pynetdicom whose handler decodes and saves."""
    with _stock(folder, "decode") as receiver:
        yield receiver


@contextmanager
def stock_writing(folder: Path) -> Iterator[Receiver]:
    """Plain pynetdicom whose handler writes `encoded_dataset()` without fsync."""
    with _stock(folder, "write") as receiver:
        yield receiver


@contextmanager
def _stock(folder: Path, how: str) -> Iterator[Receiver]:
    folder.mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.stock_receiver", how, str(folder), str(port)]
    with _running(command, Receiver("STOCK", port)) as receiver:
        yield receiver


@contextmanager
def _running(command: list[str], receiver: Receiver) -> Iterator[Receiver]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(receiver)
        yield receiver
    finally:
        process.terminate()
        process.wait(10)


def wait_until_quiet() -> None:
    """Wait until the processes that were started do nothing: some load more after they answer."""
    deadline = time.monotonic() + START_S
    used_s = processor_s()
    while time.monotonic() < deadline:
        time.sleep(QUIET_S)
        before_s, used_s = used_s, processor_s()
        if used_s - before_s < QUIET_CPU_S:
            return


def processor_s() -> float:
    """Return the processor time of all processes below this one, and of those that they waited for, s."""
    ticks, below = 0, [os.getpid()]
    while below:
        own = Path(f"/proc/{below.pop()}")
        with contextlib.suppress(OSError):
            for thread in (own / "task").iterdir():
                below += [int(child) for child in (thread / "children").read_text(encoding="ascii").split()]
            if own.name != str(os.getpid()):
                fields = (own / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
                ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _wait_until_it_answers(receiver: Receiver) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            echo(RemoteAE(receiver.ae_title, LOOPBACK, receiver.port), calling_ae_title=SENDER)
        except PeerError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
