"""A scanner that sends until everything is acknowledged, and remembers what was."""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydicom.uid import generate_uid

from dicom_io.network.identity import read_file_identity
from dicom_io.network.requestor import PeerError, RemoteAE
from dicom_io.network.storage_scu import SendOutcome, send_files
from node.storage.inbox_layout import INBOX
from tests.faults.victim import IMPATIENT, PATIENCE_S, SCANNER
from tests.unit.dicom_io.network.instances import mr_instance

ONCE_MORE_S = 0.1
SUCCESS = 0x0000


@dataclass(frozen=True)
class Shot:
    """One instance that is sent.

    Parameters
    ----------
    sha256
        Of the data set, as the inbox names its file.
    """

    path: Path
    study_instance_uid: str
    sop_instance_uid: str
    sha256: str


def shoot(folder: Path, studies: int, instances: int, rows: int = 16) -> list[Shot]:
    """Write small studies, one instance of each after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    uids = [str(generate_uid()) for _ in range(studies)]
    shots = []
    for number in range(instances):
        for uid in uids:
            path = folder / f"{uid}-{number:04d}.dcm"
            ds = mr_instance(study_instance_uid=uid, fill=number + 1, rows=rows)
            ds.save_as(path, enforce_file_format=True)
            shots.append(shot_of(path))
    return shots


def shot_of(path: Path) -> Shot:
    """Describe a file that will be sent."""
    identity = read_file_identity(path).identity
    content = path.read_bytes()
    meta_bytes = 144 + int.from_bytes(content[140:144], "little")
    sha256 = hashlib.sha256(content[meta_bytes:]).hexdigest()
    return Shot(path, identity.study_instance_uid, identity.sop_instance_uid, sha256)


class Sending(threading.Thread):
    """Sends on one association after the other until all is acknowledged or it is told to give up."""

    def __init__(
        self,
        shots: Iterable[Shot],
        peer: RemoteAE,
        on_outcome: Callable[[], None] = lambda: None,
        *,
        calling_ae_title: str = SCANNER,
    ) -> None:
        super().__init__(name="scanner", daemon=True)
        self._open = {shot.path: shot for shot in shots}
        self._peer = peer
        self._calling_ae_title = calling_ae_title
        self._given_up = threading.Event()
        self._on_outcome = on_outcome
        self.acknowledged: list[Shot] = []
        self.statuses: list[int | None] = []

    def run(self) -> None:
        """Send."""
        while self._open and not self._given_up.is_set():
            with contextlib.suppress(PeerError):
                send_files(
                    list(self._open),
                    self._peer,
                    calling_ae_title=self._calling_ae_title,
                    limits=IMPATIENT,
                    on_outcome=self._note,
                )
            self._given_up.wait(ONCE_MORE_S if self._open else 0)

    def wait(self, tail: Callable[[], str]) -> None:
        """Wait until everything is acknowledged.

        Raises
        ------
        AssertionError
            It is not in time; with what `tail` says then.
        """
        self.join(PATIENCE_S)
        assert not self._open, f"{len(self._open)} instances are not acknowledged\n{tail()}"

    def give_up(self) -> None:
        """Send no more."""
        self._given_up.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.give_up()
        self.join()

    def _note(self, outcome: SendOutcome) -> None:
        self.statuses.append(outcome.status)
        if outcome.status == SUCCESS:
            self.acknowledged.append(self._open.pop(outcome.path))
        self._on_outcome()


def lost_or_doubled(storage: Path, shots: Iterable[Shot]) -> list[str]:
    """Say of which acknowledged instances the inbox does not hold exactly one whole file."""
    problems = []
    for shot in shots:
        study = hashlib.sha256(shot.study_instance_uid.encode()).hexdigest()
        instance = hashlib.sha256(shot.sop_instance_uid.encode()).hexdigest()
        found = list((storage / INBOX / study).glob(f"{instance}-*"))
        if len(found) != 1:
            problems.append(f"{shot.sop_instance_uid} lies there {len(found)} times")
        elif shot_of(found[0]).sha256 != shot.sha256 or shot.sha256 not in found[0].name:
            problems.append(f"{shot.sop_instance_uid} holds other bytes")
    return problems


def unfinished_files(storage: Path) -> list[str]:
    """Name what lies in the inbox and is no whole instance."""
    files = (path for path in (storage / INBOX).rglob("*") if path.is_file())
    return [path.name for path in files if not _is_whole(path)]


def _is_whole(path: Path) -> bool:
    if path.suffix != ".dcm":
        return False
    return path.name.endswith(f"-{shot_of(path).sha256}.dcm")
