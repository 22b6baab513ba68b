"""Four scanners that send until they are told to stop, each studies of its own kind."""

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dicom_io.network.requestor import RemoteAE
from dicom_io.phantom.miniature import coarse
from dicom_io.phantom_series import settings_for, write_phantom_study
from pipeline.phantom import PhantomCase, PhantomSettings, make_case
from tests.faults.raw_peer import RawPeer
from tests.faults.scanner import Sending, Shot, shoot, shot_of
from tests.faults.victim import LOOPBACK, NODE

SEED = 12
VENDORS = ("ge", "siemens", "philips", "uih")
WAITING = 2
"""So many studies of a station may wait for their result; more would only wait in a longer queue."""
SCRAPS_WAITING = 20
"""The same of the station that sends scraps: a node that is slowed by others must not be left with a longer and
longer queue, which would say how busy the machine was."""
REMEMBERED = 3
"""Studies whose files are kept, to be sent again."""
ANY_REFUSAL = "any refusal"
PARTS = 3
"""Associations over which a study is spread, one after the other."""
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class SentStudy:
    """A study that was acknowledged whole.

    Parameters
    ----------
    folder
        Of its files; gone some time later.
    code
        Of the refusal that the node owes; empty where it owes an analysis, `ANY_REFUSAL` where each does.
    """

    folder: Path
    shots: tuple[Shot, ...]
    code: str

    @property
    def uid(self) -> str:
        """Its Study Instance UID."""
        return self.shots[0].study_instance_uid


@dataclass
class Traffic:
    """What all stations sent, and whether they go on.

    Parameters
    ----------
    folder
        For the files that are sent.
    answered
        The studies that the PACS has a report of.
    """

    folder: Path
    node: RemoteAE
    answered: Callable[[], set[str]]
    stopped: threading.Event = field(default_factory=threading.Event)
    studies: list[SentStudy] = field(default_factory=list)
    again: int = 0
    """Instances that were sent a second time, on purpose."""
    probes: int = 0
    """Connections that carried no image: verifications, aborts, silence."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._borrowed: Counter[str] = Counter()
        self._folders = 0

    def new_folder(self) -> Path:
        """Return a folder for the next study."""
        with self._lock:
            self._folders += 1
            return self.folder / f"{self._folders:06d}"

    @contextmanager
    def borrowed(self, chance: random.Random) -> Iterator[SentStudy | None]:
        """Yield a study of late, whose files stay until the block ends."""
        with self._lock:
            known = [study for study in self.studies[-REMEMBERED:] if study.folder.exists()]
            study = chance.choice(known) if known else None
            self._borrowed.update([study.uid] if study else [])
        yield study
        with self._lock:
            self._borrowed.subtract([study.uid] if study else [])

    def forget(self, studies: list[SentStudy]) -> None:
        """Delete the files of studies that nobody has borrowed."""
        with self._lock:
            for study in studies:
                if not self._borrowed[study.uid]:
                    shutil.rmtree(study.folder, ignore_errors=True)

    def owed(self) -> set[str]:
        """Return the studies that the PACS has no report of."""
        return {study.uid for study in list(self.studies)} - self.answered()


class Station(threading.Thread):
    """One scanner.

    Parameters
    ----------
    title
        Its AE title.
    step
        Sends once.
    """

    def __init__(self, traffic: Traffic, title: str, step: Callable[["Station"], None]) -> None:
        super().__init__(name=title, daemon=True)
        self.traffic, self.title = traffic, title
        self.chance = random.Random(title)
        self.number = 0
        self.failure = ""
        self._step = step
        self._sent: list[SentStudy] = []

    def run(self) -> None:
        """Send until the traffic is stopped; what was begun is sent to its end."""
        try:
            while not self.traffic.stopped.is_set():
                self._step(self)
                self.number += 1
        except Exception as error:  # Told in the table, and not only on the terminal.
            self.failure = f"{self.title}: {type(error).__name__}: {error}"
            raise

    def send(self, study: SentStudy) -> None:
        """Send a study in parts, each until all of it is acknowledged."""
        for first in range(PARTS):
            self.send_again(study.shots[first::PARTS])
        self._sent.append(study)
        self.traffic.studies.append(study)
        self.traffic.forget(self._sent[:-REMEMBERED])

    def send_again(self, shots: tuple[Shot, ...]) -> None:
        """Send instances until all are acknowledged."""
        Sending(shots, self.traffic.node, calling_ae_title=self.title).run()

    def wait_for_answers(self, waiting: int = WAITING) -> None:
        """Wait until fewer than so many studies of this station are owed a result, or the traffic is stopped."""
        while not self.traffic.stopped.wait(LOOK_EVERY_S):
            owed = self.traffic.owed()
            if sum(study.uid in owed for study in self._sent) < waiting:
                return


def whole(station: Station) -> None:
    """Send a study that is analysed, of the next vendor."""
    station.wait_for_answers()
    if not station.traffic.stopped.is_set():
        station.send(_phantom(station, "standard", ""))


def incomplete(station: Station) -> None:
    """Send a study that lacks a sequence, which is refused when its deadline has passed."""
    station.wait_for_answers()
    if not station.traffic.stopped.is_set():
        station.send(_phantom(station, "missing-t2", "SM-MISSING-T2"))


def scraps(station: Station) -> None:
    """Send a few images that are no liver study."""
    station.wait_for_answers(SCRAPS_WAITING)
    if station.traffic.stopped.is_set():
        return
    folder = station.traffic.new_folder()
    shots = shoot(folder, studies=1, instances=6)
    station.send(SentStudy(folder, tuple(shots), ANY_REFUSAL))
    station.traffic.stopped.wait(station.chance.uniform(0.1, 1.0))


def again(station: Station) -> None:
    """Send what another station sent some time ago once more, between connections that carry no image."""
    traffic = station.traffic
    _probe(traffic, station.title, station.number)
    with traffic.borrowed(station.chance) as study:
        if study is not None:
            station.send_again(tuple(station.chance.sample(study.shots, len(study.shots))))
            traffic.again += len(study.shots)
    traffic.stopped.wait(station.chance.uniform(0.2, 1.0))


STATIONS: tuple[tuple[str, Callable[[Station], None]], ...] = (
    ("SCANNER1", whole),
    ("SCANNER2", incomplete),
    ("SCANNER3", scraps),
    ("SCANNER4", again),
)


def as_peers() -> list[dict[str, object]]:
    """Return the entries of the stations in the configuration of a node."""
    return [
        {"name": title.lower(), "ae_title": title, "host": LOOPBACK, "may_send": True} for title, _ in STATIONS
    ]


def _probe(traffic: Traffic, title: str, number: int) -> None:
    """Connect and leave: with a verification, without one, in the middle of an association, by a reset."""
    try:
        peer = RawPeer(traffic.node.port)
        if number % 3:
            peer.associate(NODE, title)
            if number % 3 == 1:
                peer.echo()
        peer.close(reset=number % 2 == 0)
    except (AssertionError, OSError):
        time.sleep(LOOK_EVERY_S)  # The node is being started again.
    traffic.probes += 1


def _phantom(station: Station, scenario: str, code: str) -> SentStudy:
    folder = station.traffic.new_folder()
    vendor = VENDORS[station.number % len(VENDORS)]
    case = _case(settings_for(scenario))
    patient = f"MVI-SOAK-{folder.name}"
    write_phantom_study(case, folder, vendor=vendor, scenario=scenario, patient_id=patient)
    return SentStudy(folder, tuple(shot_of(path) for path in sorted((folder / "dicom").rglob("*.dcm"))), code)


@lru_cache(maxsize=2)
def _case(settings: PhantomSettings) -> PhantomCase:
    return coarse(make_case(SEED, settings=settings))
