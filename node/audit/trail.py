"""The local audit trail: one line an event, each with the hash of the line before, so that a change shows."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from config.errors import NodeError
from node.audit.events import AuditEvent

TRAIL_FILE = "audit.jsonl"
FIRST = "0" * 64
"""What stands for the line before the first one."""
_TAIL_BYTES = 65_536
"""More than the longest line."""


class AuditTrailError(NodeError):
    """The trail cannot be read or written."""


class Trail:
    """Appends to the trail of a storage folder; several processes may, at once.

    Deleting the last lines leaves a chain that is whole: who keeps the number and the hash of a line elsewhere, as
    the audit repository does with each message, can tell.

    Parameters
    ----------
    storage
        The storage folder of the node.
    """

    def __init__(self, storage: Path) -> None:
        self.path = storage / TRAIL_FILE

    def append(self, event: AuditEvent, position: Mapping[str, int] | None = None) -> None:
        """Write one event, durably.

        Parameters
        ----------
        position
            How far of the ledger is told of in the trail with this event, by table.

        Raises
        ------
        AuditTrailError
            The file cannot be written, or its last line is damaged.
        """
        with self._locked() as file:
            last = _last_line(file)
            number, before = (last["number"], last["hash"]) if last else (0, FIRST)
            record = {"number": number + 1, **event.to_json(), "position": dict(position or {}), "before": before}
            record["hash"] = line_hash(record)
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def position(self) -> Mapping[str, int]:
        """Return how far the ledger has been told of, by table; empty where it has not."""
        told: dict[str, int] = {}
        for record in self.records():
            told.update(record["position"])
        return told

    def records(self, begin: int = 0) -> Iterator[dict[str, Any]]:
        """Yield every line, in the order in which they were written.

        Parameters
        ----------
        begin
            Byte at which to begin, as `size` gave it.

        Raises
        ------
        AuditTrailError
            A line is no JSON object.
        """
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(begin)
            for number, line in enumerate(file, start=1):
                yield _parsed(line, None if begin else number)

    def size(self) -> int:
        """Return the bytes of the trail."""
        return self.path.stat().st_size if self.path.exists() else 0

    def problems(self) -> list[str]:
        """Return what shows that the trail was changed, a sentence each; empty where it is whole."""
        before, number = FIRST, 0
        try:
            for record in self.records():
                number += 1
                if record.get("hash") != line_hash(record):
                    return [f"line {number} was changed after it was written"]
                if record.get("before") != before or record.get("number") != number:
                    return [f"a line before line {number} is missing or was changed"]
                before = record["hash"]
        except AuditTrailError as error:
            return [str(error)]
        return []

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise AuditTrailError(f"audit trail {self.path}: {error.strerror}") from error
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def line_hash(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a line without its own hash; it covers the hash of the line before."""
    content = {key: value for key, value in record.items() if key != "hash"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _last_line(file: BinaryIO) -> dict[str, Any] | None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        return None
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    if not tail.endswith(b"\n"):
        # Half a line of a write that power cut short: nobody was told that it is there.
        whole = tail.rfind(b"\n") + 1
        file.truncate(size - len(tail) + whole)
        tail = tail[:whole]
    lines = tail.splitlines()
    return _parsed(lines[-1], None) if lines else None


def _parsed(line: bytes, number: int | None) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        which = "one of the last lines" if number is None else f"line {number}"
        raise AuditTrailError(f"{which} of the audit trail is damaged")
    return record
