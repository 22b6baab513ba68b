"""A peer that writes its own bytes: no library stands between a test and what it wants to send."""

import random
import socket
import struct
import time
from typing import Self

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MRImageStorage

MR, EXPLICIT, DEFLATED = str(MRImageStorage), str(ExplicitVRLittleEndian), str(DeflatedExplicitVRLittleEndian)
VERIFICATION, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"
Context = tuple[str, str]
"""Abstract and transfer syntax."""

_HEADER = struct.Struct(">BBL")
_PATIENCE_S = 30.0


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def associate_request(
    called: str, calling: str, contexts: tuple[Context, ...] = ((MR, EXPLICIT), (VERIFICATION, IMPLICIT))
) -> bytes:
    """Return an A-ASSOCIATE-RQ (PS3.8 9.3.2); contexts get the identifiers 1, 3, 5."""
    items = [_item(0x10, b"1.2.840.10008.3.1.1.1")]
    for number, (abstract, transfer) in enumerate(contexts):
        syntaxes = _item(0x30, abstract.encode()) + _item(0x40, transfer.encode())
        items.append(_item(0x20, bytes([2 * number + 1, 0, 0, 0]) + syntaxes))
    items.append(_item(0x50, _item(0x51, struct.pack(">L", 16_384)) + _item(0x52, b"1.2.3.4")))
    names = called.ljust(16).encode("latin-1") + calling.ljust(16).encode("latin-1")
    return pdu(0x01, struct.pack(">HH", 1, 0) + names + bytes(32) + b"".join(items))


def pdu(kind: int, body: bytes) -> bytes:
    """Return a PDU."""
    return _HEADER.pack(kind, 0, len(body)) + body


def data_pdu(control: int, content: bytes, context_id: int = 1) -> bytes:
    """Return a P-DATA-TF with one presentation data value."""
    return pdu(0x04, struct.pack(">LBB", len(content) + 2, context_id, control) + content)


def command(field: int, sop_class: bytes, sop_instance: bytes, *, with_data: bool) -> bytes:
    """Return an encoded command set."""

    def element(tag: int, value: bytes) -> bytes:
        return struct.pack("<HHL", 0, tag, len(value)) + value

    def even(value: bytes) -> bytes:
        return value + b"\0" * (len(value) % 2)

    body = [
        element(0x0002, even(sop_class)), element(0x0100, struct.pack("<H", field)),
        element(0x0110, struct.pack("<H", 1)), element(0x0700, struct.pack("<H", 0)),
        element(0x0800, struct.pack("<H", 0x0001 if with_data else 0x0101)), element(0x1000, even(sop_instance)),
    ]  # fmt: skip
    joined = b"".join(body)
    return element(0x0000, struct.pack("<L", len(joined))) + joined


def store_request(
    sop_instance: bytes, data_set: bytes, *, piece: int = 16_000, sop_class: str = MR
) -> list[bytes]:
    """Return the PDUs of a C-STORE request."""
    pdus = [data_pdu(0x03, command(0x0001, sop_class.encode(), sop_instance, with_data=True))]
    starts = list(range(0, max(len(data_set), 1), piece))
    return pdus + [
        data_pdu(0x02 if start == starts[-1] else 0x00, data_set[start : start + piece]) for start in starts
    ]


class RawPeer:
    """One TCP connection."""

    def __init__(self, port: int) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)

    def send(self, content: bytes) -> bool:
        """Send; return whether the connection still took it."""
        try:
            self.connection.sendall(content)
        except OSError:
            return False
        return True

    def read_pdu(self) -> tuple[int, bytes] | None:
        """Return the type and body of the next PDU; None where the connection ended."""
        header = self._read(_HEADER.size)
        if header is None:
            return None
        kind, _, length = _HEADER.unpack(header)
        body = self._read(length)
        return None if body is None else (kind, body)

    def associate(self, called: str, calling: str, *contexts: Context) -> bytes:
        """Open an association and return the A-ASSOCIATE-AC; raise ConnectionError where there is none."""
        self.send(associate_request(called, calling, *([contexts] if contexts else [])))
        answer = self.read_pdu()
        if answer is None or answer[0] != 0x02:
            raise ConnectionError(f"no association: {answer}")
        return answer[1]

    def status(self) -> int | None:
        """Return the status of the next response; None where the association ended."""
        return self.answer()[0]

    def answer(self) -> tuple[int | None, str]:
        """Return status and error comment (0000,0902) of the next response; None where the association ended."""
        answer = self.read_pdu()
        if answer is None or answer[0] != 0x04:
            return None, ""
        status, comment = (_element(answer[1], tag) for tag in (0x0900, 0x0902))
        number = None if status is None else int.from_bytes(status, "little")
        return number, (comment or b"").decode("ascii").rstrip()

    def store(self, sop_instance: bytes, data_set: bytes, sop_class: str = MR) -> int | None:
        """Send a C-STORE request and return the status of its answer."""
        self.send(b"".join(store_request(sop_instance, data_set, sop_class=sop_class)))
        return self.status()

    def echo(self) -> int | None:
        """Send a C-ECHO request on context 3 and return the status of its answer."""
        self.send(data_pdu(0x03, command(0x0030, VERIFICATION.encode(), b"", with_data=False), context_id=3))
        return self.status()

    def is_closed_within(self, seconds: float) -> bool:
        """Return whether the other side ends the connection; what it says before is read and dropped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.connection.settimeout(left)
            try:
                if not self.connection.recv(65_536):
                    return True
            except TimeoutError:
                return False
            except OSError:
                return True
        return False

    def close(self, *, reset: bool = False) -> None:
        """Close, with RST where asked for."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, count: int) -> bytes | None:
        content = b""
        while len(content) < count:
            try:
                arrived = self.connection.recv(count - len(content))
            except OSError:
                return None
            if not arrived:
                return None
            content += arrived
        return content


def _element(command_set: bytes, tag: int) -> bytes | None:
    """Return the value of an element of a command set with headers in front of it, None where it is absent."""
    place = command_set.find(struct.pack("<HH", 0, tag))
    if place < 0:
        return None
    length = int.from_bytes(command_set[place + 4 : place + 8], "little")
    return command_set[place + 8 : place + 8 + length]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return the bytes with a few of them changed, removed, doubled or made extreme."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(changed)) if changed else 0
        match chance.randrange(5):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[place : place + chance.randint(1, 8)]
            case 2:
                changed[place:place] = chance.randbytes(chance.randint(1, 8))
            case 3:
                extreme = chance.choice(
                    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80"]
                )
                changed[place : place + 4] = extreme
            case _:
                del changed[place:]
    return bytes(changed)
