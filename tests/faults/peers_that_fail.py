"""Senders that abort, die or stop in the middle: nothing half is kept, and their slot is free in time."""

import contextlib
import multiprocessing
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from dicom_io.network.identity import read_file_identity
from dicom_io.network.requestor import RemoteAE
from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.scanner import Sending, Shot, lost_or_doubled, shoot, unfinished_files
from tests.faults.victim import NODE, SCANNER, Toml, Victim, wait_for, zygote

NETWORK_TIMEOUT_S = 3.0
SLOTS = 3
SETTINGS: Toml = {"node": {"network_timeout_s": NETWORK_TIMEOUT_S, "maximum_associations": SLOTS}}
SERVED_WITHIN_S = 1.0
DRIPPING = 20
"""Peers at once, in each slot and before an association."""
DRIP_EVERY_S = 0.1
LARGE_ROWS = 1024
"""2 MB an instance: long enough to be cut anywhere inside."""


def cut_off(folder: Path, cases: int) -> FaultRecord:
    """Cut an association anywhere inside a data set: by A-ABORT, by a reset, or by killing the sender, in turn."""
    chance = random.Random(21)
    failures: list[str] = []
    kept: list[Shot] = []
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        for number in range(cases):
            shots = shoot(folder / f"scanner-{number}", studies=1, instances=2, rows=LARGE_ROWS)
            _CUTS[number % len(_CUTS)](victim.address, shots[0].path, chance)
            with Sending(shots[1:], victim.address) as sending:
                sending.wait(victim.tail)
            kept += shots[1:]
            failures += [f"case {number}: {name} is unfinished" for name in _settled(victim)]
            if list((victim.storage / "inbox").rglob(f"*{shots[0].sha256}*")):
                failures.append(f"case {number}: half an instance is kept as a whole one")
        failures += lost_or_doubled(victim.storage, kept)
    return record("sender aborts or dies inside a data set", cases, failures, f"{len(kept)} others sent meanwhile")


def stopped(folder: Path, cases: int) -> FaultRecord:
    """Fill every slot with peers that stop inside a PDU; a case is one stopped peer."""
    chance = random.Random(22)
    failures: list[str] = []
    longest_s = 0.0
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        (shot,) = shoot(folder / "scanner", studies=1, instances=1, rows=LARGE_ROWS)
        for _ in range(0, cases, SLOTS):
            silent = [stop_inside(victim.address, shot.path, chance) for _ in range(SLOTS)]
            began = time.monotonic()
            wait_for(victim.answers, "a slot is free", 10 * NETWORK_TIMEOUT_S)
            longest_s = max(longest_s, time.monotonic() - began)
            for connection in silent:
                connection.close()
            failures += [f"{name} is unfinished" for name in _settled(victim)]
        if longest_s > NETWORK_TIMEOUT_S + 1:
            failures.append(f"a slot was free after {longest_s:.1f} s")
    detail = f"time-out {NETWORK_TIMEOUT_S:.0f} s; the slot was free after {longest_s:.1f} s at the latest"
    return record("peer stops inside a PDU", cases, failures, detail)


def dripping(folder: Path, cases: int) -> FaultRecord:
    """Hold the node with peers that send a byte now and then: some before an association, some in every slot."""
    failures: list[str] = []
    beside_s, slot_s = 0.0, 0.0
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        (shot,) = shoot(folder / "scanner", studies=1, instances=1, rows=LARGE_ROWS)
        for _ in range(0, cases, DRIPPING):
            with _Dripping() as drops:
                for _ in range(DRIPPING - SLOTS):
                    early = socket.create_connection((victim.address.host, victim.address.port))
                    drops.add(early, _associate_request())
                beside_s = max(beside_s, wait_for(victim.answers, "served beside them"))
                for _ in range(SLOTS):
                    drops.add(stop_inside(victim.address, shot.path, random.Random(0)), bytes(1000))
                slot_s = max(slot_s, wait_for(victim.answers, "a slot is free", 10 * NETWORK_TIMEOUT_S))
            failures += [f"{name} is unfinished" for name in _settled(victim)]
    if beside_s > SERVED_WITHIN_S or slot_s > NETWORK_TIMEOUT_S + 1:
        failures.append("that is too late")
    detail = (
        f"a byte every {DRIP_EVERY_S} s; others served after {beside_s:.1f} s, "
        f"and after {slot_s:.1f} s where all {SLOTS} slots were held, at the latest"
    )
    return record("slow-loris peers", cases, failures, detail)


class _Dripping(threading.Thread):
    """Sends one byte on each of some connections, again and again; those that the node ended are left out."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._connections: list[tuple[socket.socket, Iterator[int]]] = []
        self._done = threading.Event()

    def add(self, connection: socket.socket, content: bytes) -> None:
        """Begin to send `content` on a connection."""
        self._connections.append((connection, iter(content)))

    def run(self) -> None:
        while not self._done.wait(DRIP_EVERY_S):
            for connection, content in list(self._connections):
                with contextlib.suppress(OSError):
                    connection.sendall(bytes([next(content, 0)]))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.join()
        for connection, _content in self._connections:
            connection.close()


def _settled(victim: Victim) -> Sequence[str]:
    """Return the unfinished files that stay; one that is being written is finished or gone at once."""
    wait_for(lambda: not list((victim.storage / "inbox" / ".arriving").iterdir()), "nothing is arriving", 10)
    return unfinished_files(victim.storage)


def _abort_inside(peer: RemoteAE, path: Path, chance: random.Random) -> None:
    connection = stop_inside(peer, path, chance)
    connection.sendall(struct.pack(">BBLBBBB", 0x07, 0, 4, 0, 0, 0, 0))
    connection.close()


def _reset_inside(peer: RemoteAE, path: Path, chance: random.Random) -> None:
    connection = stop_inside(peer, path, chance)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _die_inside(peer: RemoteAE, path: Path, chance: random.Random) -> None:
    sender = multiprocessing.get_context("fork").Process(target=_send_and_wait, args=(peer, path, chance.random()))
    sender.start()
    time.sleep(chance.uniform(0.05, 0.5))
    sender.kill()
    sender.join()


def _send_and_wait(peer: RemoteAE, path: Path, seed: float) -> None:
    stop_inside(peer, path, random.Random(seed))
    time.sleep(60)


_CUTS = (_abort_inside, _reset_inside, _die_inside)


def stop_inside(peer: RemoteAE, path: Path, chance: random.Random) -> socket.socket:
    """Open an association, send a C-STORE request and a part of its data set; return the open connection."""
    identity = read_file_identity(path).identity
    connection = socket.create_connection((peer.host, peer.port), timeout=10)
    connection.sendall(_associate_request())
    _read_pdu(connection)
    connection.sendall(_p_data(_store_request(identity.sop_instance_uid), command=True))
    content = path.read_bytes()
    data_set = content[144 + int.from_bytes(content[140:144], "little") :]
    pdus = b"".join(_p_data(data_set[at : at + 16_000], last=False) for at in range(0, len(data_set), 16_000))
    connection.sendall(pdus[: chance.randrange(100, len(pdus))])
    return connection


def _associate_request() -> bytes:
    """Return an A-ASSOCIATE-RQ for MR images (PS3.8 9.3.2)."""

    def item(kind: int, body: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(body)) + body

    syntaxes = item(0x30, MRImageStorage.encode()) + item(0x40, ExplicitVRLittleEndian.encode())
    body = struct.pack(">HH16s16s32x", 1, 0, NODE.ljust(16).encode(), SCANNER.ljust(16).encode())
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\1\0\0\0" + syntaxes)
    body += item(0x50, item(0x51, struct.pack(">L", 16_384)) + item(0x52, b"1.2.3.4"))
    return struct.pack(">BBL", 0x01, 0, len(body)) + body


def _store_request(sop_instance_uid: str) -> bytes:
    """Return a C-STORE-RQ command set (PS3.7 9.3.1), Implicit VR Little Endian."""

    def element(number: int, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HHL", 0x0000, number, len(value)) + value

    body = element(0x0002, MRImageStorage.encode()) + element(0x0100, struct.pack("<H", 0x0001))
    body += element(0x0110, struct.pack("<H", 1)) + element(0x0700, struct.pack("<H", 0))
    body += element(0x0800, struct.pack("<H", 0x0000)) + element(0x1000, sop_instance_uid.encode())
    return element(0x0000, struct.pack("<L", len(body))) + body


def _p_data(fragment: bytes, *, command: bool = False, last: bool = True) -> bytes:
    value = struct.pack(">LBB", len(fragment) + 2, 1, (1 if command else 0) | (2 if last else 0)) + fragment
    return struct.pack(">BBL", 0x04, 0, len(value)) + value


def _read_pdu(connection: socket.socket) -> bytes:
    header = connection.recv(6, socket.MSG_WAITALL)
    return connection.recv(struct.unpack(">L", header[2:])[0], socket.MSG_WAITALL)


FAULTS = (
    Fault("sender aborts or dies inside a data set", cut_off, cases=30, short=3),
    Fault("peer stops inside a PDU", stopped, cases=9, short=3),
    Fault("slow-loris peers", dripping, cases=60, short=20),
)
