"""What reading the files of studies gives: facts of frames, other objects, and files that give no image."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from dicom_io.assembly.facts import FrameFacts

NOT_DICOM = "not a DICOM file"
"""Reason of a file that is none, as a licence text beside the images."""


@dataclass(frozen=True)
class UnreadableFile:
    """A file that gives no image, and why; the UIDs where the header could be read.

    Parameters
    ----------
    is_closed
        Whether the system would not let it be read, or a folder be searched, so that nobody knows what lies there.
    name
        Path below the folder that was scanned.
    """

    path: Path
    reason: str
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    series_number: int | None = None
    series_description: str = ""
    is_closed: bool = False
    name: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether it is no DICOM file at all, as a licence text beside the images."""
        return self.reason == NOT_DICOM


@dataclass(frozen=True)
class OtherInstance:
    """A DICOM instance that is no MR image: a report, a segmentation, a screen save."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True)
class ScanResult:
    """What was found in a set of files.

    Parameters
    ----------
    frames
        Facts of every MR image frame, in the order of the paths.
    others
        Instances that are no MR images.
    unreadable
        Files that are no DICOM, or damaged.
    """

    frames: tuple[FrameFacts, ...] = ()
    others: tuple[OtherInstance, ...] = ()
    unreadable: tuple[UnreadableFile, ...] = ()

    @property
    def study_instance_uids(self) -> tuple[str, ...]:
        """Studies present, sorted."""
        frames = {frame.series.study_instance_uid for frame in self.frames}
        others = {entry.study_instance_uid for entry in self.others}
        damaged = {entry.study_instance_uid for entry in self.unreadable if entry.study_instance_uid}
        return tuple(sorted(frames | others | damaged))

    def __add__(self, other: "ScanResult") -> "ScanResult":
        """Join two scans, so that a study that still arrives is read file by file."""
        return ScanResult(
            self.frames + other.frames, self.others + other.others, self.unreadable + other.unreadable
        ).without_repeats()

    def by_study(self) -> dict[str, "ScanResult"]:
        """Return the part of each study, in the order of the UIDs."""
        frames: dict[str, list[FrameFacts]] = defaultdict(list)
        for frame in self.frames:
            frames[frame.series.study_instance_uid].append(frame)
        others: dict[str, list[OtherInstance]] = defaultdict(list)
        for entry in self.others:
            others[entry.study_instance_uid].append(entry)
        # What does not say whose it is may belong to any of them.
        damaged = {
            uid: tuple(
                file
                for file in self.unreadable
                if file.study_instance_uid == uid or not (file.study_instance_uid or file.is_foreign)
            )
            for uid in self.study_instance_uids
        }
        return {uid: ScanResult(tuple(frames[uid]), tuple(others[uid]), found) for uid, found in damaged.items()}

    def without_repeats(self) -> "ScanResult":
        """Return the scan with each instance once, the first that was met."""
        # The same SOP Instance UID is the same instance, sent twice (PS3.4 B.4); instances that merely share a
        # position are different images and are never dropped.
        first: dict[str, Path] = {}
        for frame in self.frames:
            first.setdefault(frame.instance.sop_instance_uid, frame.instance.path)
        kept = tuple(item for item in self.frames if first[item.instance.sop_instance_uid] == item.instance.path)
        return ScanResult(kept, self.others, self.unreadable)
