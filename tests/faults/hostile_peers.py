"""Random, mutated and malicious PDUs and data sets, while another association goes on."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom.uid import generate_uid

from tests.faults.fault import Fault, FaultRecord, record
from tests.faults.processes import Usage, is_quiet, usage
from tests.faults.raw_peer import (
    DEFLATED,
    MR,
    RawPeer,
    associate_request,
    command,
    data_pdu,
    mutated,
    store_request,
)
from tests.faults.victim import NODE, SCANNER, Toml, Victim, listener, wait_for, zygote
from tests.unit.dicom_io.network.instances import encode, mr_instance

SETTINGS: Toml = {"node": {"network_timeout_s": 5.0}, "completion": {"deadline_s": 1e6}}
"""A peer that stops is cut off soon; nothing is analysed, which is another fault's matter."""
LOOK_EVERY = 25
SERVED_WITHIN_S = 1.0
MEMORY_LIMIT_BYTES = 1_000_000_000
PATIENCE_S = 60.0
SECRET = b"Zzyzx"
"""Stands in names and descriptions; no line of the log may hold it."""

Attack = Callable[[random.Random, int], None]
"""Takes a source of chance and the port."""


def noise(chance: random.Random, port: int) -> None:
    """Send random bytes without an association."""
    with RawPeer(port) as peer:
        peer.send(chance.randbytes(chance.choice([1, 5, 6, 7, 80, 5000])))


def mutated_request(chance: random.Random, port: int) -> None:
    """Send an association request with a few bytes changed, and go on as if it was accepted."""
    with RawPeer(port) as peer:
        peer.send(mutated(associate_request(NODE, SCANNER), chance))
        peer.send(b"".join(store_request(b"1.2.3", small_data_set())))


def any_pdu(chance: random.Random, port: int) -> None:
    """Send PDUs of any type and length in an association."""
    with RawPeer(port) as peer:
        peer.associate(NODE, SCANNER)
        for _ in range(chance.randint(1, 4)):
            body = chance.randbytes(chance.choice([0, 2, 4, 6, 50, 2000]))
            claimed = chance.choice([len(body), len(body), 0, 0xFFFFFFFF, 0x80000000, 70_000])
            peer.send(struct.pack(">BBL", chance.randrange(10), chance.randrange(256), claimed) + body)


def mutated_message(chance: random.Random, port: int) -> None:
    """Send a C-STORE request whose PDUs have a few bytes changed."""
    with RawPeer(port) as peer:
        peer.associate(NODE, SCANNER)
        message = b"".join(store_request(b"1.2.3", small_data_set(), piece=200))
        peer.send(mutated(message, chance))


def mutated_command(chance: random.Random, port: int) -> None:
    """Send a command set with a few bytes changed, of any service, with and without a data set."""
    with RawPeer(port) as peer:
        peer.associate(NODE, SCANNER)
        field = chance.choice([0x0001, 0x0020, 0x0030, 0x0100, 0x0130, 0x8001, 0x0FFF])
        peer.send(data_pdu(0x03, mutated(command(field, MR.encode(), b"1.2.3", with_data=True), chance)))
        peer.send(data_pdu(0x02, mutated(small_data_set(), chance)))


def mutated_data_set(chance: random.Random, port: int) -> None:
    """Send a whole C-STORE request with a data set that has a few bytes changed; it must be answered."""
    uid = generate_uid()
    with RawPeer(port) as peer:
        peer.associate(NODE, SCANNER)
        answer = peer.store(uid.encode(), mutated(small_data_set(uid), chance))
        assert answer in (0x0000, 0xA900, 0xC000), f"a mutated data set was answered {answer}"


def stopped_in_the_middle(chance: random.Random, port: int) -> None:
    """Send the beginning of a C-STORE request and reset the connection."""
    peer = RawPeer(port)
    peer.associate(NODE, SCANNER)
    message = b"".join(store_request(b"1.2.3", small_data_set(), piece=200))
    peer.send(message[: chance.randrange(1, len(message))])
    peer.close(reset=chance.random() < 0.5)


def malicious_data_set(chance: random.Random, port: int) -> None:
    """Send a data set that is made to do harm; it must be answered."""
    name, data_set, allowed = chance.choice(MALICIOUS)
    with RawPeer(port) as peer:
        peer.associate(NODE, SCANNER)
        answer = peer.store(b"1.2.3.99", data_set)
        assert answer in allowed, f"{name} was answered {answer}"


def deflated(chance: random.Random, port: int) -> None:
    """Propose Deflated alone, and send a bomb of it anyway; the context must have been refused."""
    with RawPeer(port) as peer:
        answer = peer.associate(NODE, SCANNER, (MR, DEFLATED))
        assert b"\x21\x00" in answer, "there is no answer to the presentation context"
        refused = answer.index(b"\x21\x00") + 6
        assert answer[refused] != 0, "Deflated was accepted"
        peer.send(b"".join(store_request(b"1.2.3.99", BOMB)))


ATTACKS: tuple[Attack, ...] = (
    noise, mutated_request, any_pdu, mutated_message, mutated_command, mutated_data_set, stopped_in_the_middle,
    malicious_data_set, deflated,
)  # fmt: skip


def small_data_set(uid: str = "1.2.3") -> bytes:
    """Return an encoded MR instance."""
    ds = mr_instance(sop_instance_uid=uid, rows=4)
    ds.PatientName, ds.StudyDescription = SECRET.decode(), SECRET.decode()
    return encode(ds)


def _malicious() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    """Yield a name, a data set whose SOP Instance UID is 1.2.3.99, and the statuses that are right for it."""
    stored, unreadable, mismatch = (0x0000,), (0xC000,), (0xA900, 0xC000)
    plain = small_data_set("1.2.3.99")
    uid = b"1.2.3.99"
    study = encode(
        mr_instance(sop_instance_uid="1.2.3.99", study_instance_uid="1.2.826.0.1.3680043.10.55", rows=4)
    )
    theirs = b"1.2.826.0.1.3680043.10.55"
    deep = (
        b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
        + b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" * 10_000
    )
    yield "nesting 10,000 deep in front", _with(plain, deep), unreadable
    yield "nesting 10,000 deep behind", plain + deep.replace(b"\x08\x00\x40\x11", b"\xe1\x7f\x10\x10"), stored
    yield "a length field of 2 GB", _with(plain, b"\x08\x00\x08\x00UT\0\0\x00\x00\x00\x80"), unreadable
    yield "a length field of 2 GB behind", plain + b"\xe0\x7f\x10\x00OW\0\0\x00\x00\x00\x80" + b"\0" * 8, stored
    for bad in (
        b"../../../etc/passwd",
        b"1.2\x00/../../etc/x",
        b"1.2.\x1b[31m.99",
        b"<script>1</script>",
        b"9" * 64,
    ):
        same = bad.ljust(len(theirs))[: len(theirs)]
        allowed = stored if same.isdigit() else unreadable
        yield f"StudyInstanceUID {same!r}", study.replace(theirs, same), allowed
    yield "a SOP Instance UID with a path", plain.replace(uid, b"/../x.99"), mismatch
    for name in (
        b"\x1b]0;owned\x07Zzyzx",
        b"<img src=x onerror=alert(1)>Zzyzx",
        b"Zzyzx\r\nready port=1",
        b"\xff\xfe Zzyzx",
    ):
        for charset in (b"", b"ISO_IR 192", b"NOT A SET\\\\ISO 2022 IR 87", b"\x1b$B"):
            yield f"name {name!r} in {charset!r}", _named(plain, name, charset), stored
    huge = encode(mr_instance(sop_instance_uid="1.2.3.99", rows=4)).replace(
        b"\x28\x00\x10\x00US\x02\x00\x04\x00", b"\x28\x00\x10\x00US\x02\x00\xff\xff"
    )
    yield "65535 rows with short pixel data", huge, stored
    yield "a deflated bomb in a plain context", BOMB, unreadable
    yield "nothing", b"", unreadable


def _with(data_set: bytes, element: bytes) -> bytes:
    """Put an element in front of the SOP class."""
    return element + data_set


def _named(data_set: bytes, name: bytes, charset: bytes) -> bytes:
    def element(head: bytes, value: bytes) -> bytes:
        value += b" " * (len(value) % 2)
        return head + struct.pack("<H", len(value)) + value

    old = element(b"\x10\x00\x10\x00PN", SECRET)
    assert old in data_set
    return element(b"\x08\x00\x05\x00CS", charset) + data_set.replace(old, element(b"\x10\x00\x10\x00PN", name))


BOMB = zlib.compress(bytes(64_000_000), 9)[2:-4]
"""62 kB that inflate to 64 MB; the attack of 2 GB has the same beginning."""
MALICIOUS = list(_malicious())


def hostile_input(folder: Path, cases: int) -> FaultRecord:
    """Attack again and again; another association is served within a second all the time."""
    chance = random.Random(7)
    failures: list[str] = []
    with zygote() as nodes, Victim(nodes, folder / "node", settings=SETTINGS) as victim:
        receiver = listener(victim.port)
        assert receiver is not None
        before = _at_rest(victim, receiver)
        with RawPeer(victim.port) as bystander:
            bystander.associate(NODE, SCANNER)
            for number in range(cases):
                attack = ATTACKS[number % len(ATTACKS)]
                failures += _attacked(attack, chance, victim.port)
                if number % LOOK_EVERY == 0 or number == cases - 1:
                    failures += _not_served(victim, bystander, attack)
        failures += _aftermath(victim, receiver, before)
        peak = usage(receiver).peak_bytes
        failures += _spoken(victim.log)
    return record(
        "hostile PDUs and data sets", cases, failures,
        f"receiver at most {peak / 1e6:.0f} MB, {len(ATTACKS)} kinds, {len(MALICIOUS)} malicious data sets",
    )  # fmt: skip


def _at_rest(victim: Victim, receiver: int) -> Usage:
    """Return what the receiver holds once it has kept an instance: a thread and connections that stay."""
    with RawPeer(victim.port) as scanner:
        scanner.associate(NODE, SCANNER)
        assert scanner.store(b"1.2.3", small_data_set()) == 0x0000
    wait_for(lambda: is_quiet(receiver), "the receiver is quiet")
    return usage(receiver)


def _attacked(attack: Attack, chance: random.Random, port: int) -> list[str]:
    try:
        attack(chance, port)
    except (AssertionError, ConnectionError) as error:
        return [f"{attack.__name__}: {error}"]
    return []


def _not_served(victim: Victim, bystander: RawPeer, attack: Attack) -> list[str]:
    waited = wait_for(
        lambda: bystander.echo() == 0, f"the bystander is served after {attack.__name__}", PATIENCE_S
    )
    if waited > SERVED_WITHIN_S:
        return [f"the bystander waited {waited:.1f} s after {attack.__name__}"]
    waited = wait_for(victim.answers, f"a new association is served after {attack.__name__}", PATIENCE_S)
    return [f"a new association waited {waited:.1f} s after {attack.__name__}"] if waited > SERVED_WITHIN_S else []


def _aftermath(victim: Victim, receiver: int, before: Usage) -> list[str]:
    failures = []
    if listener(victim.port) != receiver:
        failures.append("the receiver did not survive")
        return failures
    try:
        wait_for(lambda: usage(receiver).is_no_more_than(before), "threads and handles are given back", PATIENCE_S)
    except AssertionError:
        failures.append(f"before {before}, afterwards {usage(receiver)}")
    if usage(receiver).peak_bytes > MEMORY_LIMIT_BYTES:
        failures.append(f"it took {usage(receiver).peak_bytes / 1e6:.0f} MB")
    return failures


def _spoken(log: Path) -> list[str]:
    text = log.read_bytes()
    forbidden = (SECRET, b"\x1b", b"\x07", b"<script", b"<img", b"Traceback", b"etc/passwd")
    return [f"the log holds {word!r}" for word in forbidden if word in text]


FAULTS = (Fault("hostile PDUs and data sets", hostile_input, cases=2250, short=108),)
