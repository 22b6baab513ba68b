"""What a receiver did to its disk and in which order, beside the answers that it gave: as strace logs it."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ENTERED = "ledger"
"""Stands for the path of the ledger, whatever its file is called."""
CALLS = "fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,sendto"
STRACE = ("/usr/bin/strace", "-f", "--seccomp-bpf", "-qq", "-y", "-x", "-s", "1024", "-e", f"trace={CALLS}")

_LINE = re.compile(r"^(?P<thread>\d+) +(?:<\.\.\. (?P<resumed>\w+) resumed>)?(?P<rest>.*)$")
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_QUOTED = re.compile(r'"([^"]*)"')
_STATUS = b"\x00\x00\x00\x09\x02\x00\x00\x00"
_SOP_INSTANCE = re.compile(rb"\x00\x00\x00\x10(?P<length>..)\x00\x00(?P<uid>[0-9.]+)", re.DOTALL)
_STORE_RESPONSE = b"\x00\x00\x00\x01\x02\x00\x00\x00\x01\x80"


class Synchronised(NamedTuple):
    """The disk was told to keep a file or a folder, and said that it did."""

    path: str


class Renamed(NamedTuple):
    """A file got another name."""

    source: str
    target: str


class Made(NamedTuple):
    """A folder was made."""

    path: str


class Acknowledged(NamedTuple):
    """The first byte of a C-STORE response with status Success is about to be sent."""

    sop_instance_uid: str


Step = Synchronised | Renamed | Made | Acknowledged


def acknowledged_in(sent: bytes) -> str | None:
    """Return the SOP Instance UID of a P-DATA-TF that answers C-STORE with Success; None where it does not."""
    if _STORE_RESPONSE not in sent or _STATUS + b"\0\0" not in sent:
        return None
    found = _SOP_INSTANCE.search(sent)
    return found["uid"].decode() if found else None


def premature(steps: Sequence[Step]) -> list[str]:
    """Say which instances were acknowledged before everything about them was durable.

    The file is named; then the file, its folder and the ledger are synchronised, in any order; where its folder is
    new, that of the folder as well. Only then comes the answer.
    """
    problems = []
    for number, step in enumerate(steps):
        if isinstance(step, Acknowledged):
            missing = _missing(steps[:number], step.sop_instance_uid)
            problems += [f"{step.sop_instance_uid} was acknowledged before {missing}"] if missing else []
    return problems


def acknowledged(steps: Iterable[Step]) -> list[str]:
    """Return the SOP Instance UIDs that were acknowledged, in order."""
    return [step.sop_instance_uid for step in steps if isinstance(step, Acknowledged)]


def _missing(before: Sequence[Step], sop_instance_uid: str) -> str:
    prefix = hashlib.sha256(sop_instance_uid.encode()).hexdigest()
    named = next(
        (
            number
            for number, step in enumerate(before)
            if isinstance(step, Renamed) and Path(step.target).name.startswith(prefix)
        ),
        None,
    )
    if named is None:
        return "it had its name"
    naming = before[named]
    assert isinstance(naming, Renamed)
    folder = Path(naming.target).parent
    after = before[named + 1 :]
    if Synchronised(naming.target) not in after:
        return "its bytes were synchronised"
    if Synchronised(str(folder)) not in after:
        return "its folder was synchronised"
    if Synchronised(ENTERED) not in after:
        return "the ledger was"
    if Made(str(folder)) in before:
        made = before.index(Made(str(folder)))
        if Synchronised(str(folder.parent)) not in before[made + 1 :]:
            return "the folder of its folder was synchronised"
    return ""


def steps_of(trace: Iterable[str], ledger: Path) -> Iterator[Step]:
    """Yield the steps that a log of `STRACE` tells of, in order.

    A call on the disk counts where it has ended, an answer where it begins: so nothing looks earlier than it was.

    Parameters
    ----------
    ledger
        File of the embedded ledger; its write-ahead log lies beside it.
    """
    begun: dict[str, str] = {}
    for line in trace:
        found = _LINE.match(line)
        if found is None:
            continue
        thread, resumed, rest = found["thread"], found["resumed"], found["rest"]
        if resumed:
            yield from _ended(begun.pop(thread, "") + rest, ledger)
            continue
        if rest.startswith("sendto("):
            yield from _answer(rest)
        elif rest.endswith(_UNFINISHED):
            begun[thread] = rest.removesuffix(_UNFINISHED)
        else:
            yield from _ended(rest, ledger)


def _ended(call: str, ledger: Path) -> Iterator[Step]:
    if not call.endswith(" = 0"):
        return
    match call.partition("(")[0]:
        case "fsync" | "fdatasync":
            path = _DESCRIPTOR.findall(call)[0]
            yield Synchronised(ENTERED if path in (str(ledger), f"{ledger}-wal") else path)
        case "rename" | "renameat" | "renameat2":
            source, target = _QUOTED.findall(call)
            yield Renamed(source, target)
        case "mkdir" | "mkdirat":
            yield Made(_QUOTED.findall(call)[0])


def _answer(call: str) -> Iterator[Step]:
    quoted = _QUOTED.search(call)
    sent = quoted[1].encode("ascii").decode("unicode_escape").encode("latin-1") if quoted else b""
    uid = acknowledged_in(sent)
    if uid is not None:
        yield Acknowledged(uid)
