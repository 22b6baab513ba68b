"""Folders and files to facts: every DICOM file is read once, without its pixels."""

import os
import re
import stat
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.tag import BaseTag
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from config.errors import ConfigError, NodeError
from dicom_io.assembly import multiframe
from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.headers import classic_frame
from dicom_io.assembly.pixel_element import pixel_problem
from dicom_io.assembly.scan_result import NOT_DICOM, OtherInstance, ScanResult, UnreadableFile
from dicom_io.assembly.wanted import wanted_tags
from dicom_io.reading import OversizedFileError, read_file

MULTI_FRAME = frozenset({EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage})

LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit})
_PERHAPS_LOSSY = frozenset({JPEGLSNearLossless, JPEG2000, HTJ2K})

_UNSIZED = "a header without rows or columns"
_UID = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)*")
"""PS3.5 9.1, except that leading zeros, which some systems write, are taken; as the receiver does."""


class NoDicomError(NodeError):
    """A folder holds no readable DICOM file."""


def scan_folder(folder: Path) -> ScanResult:
    """Read every file below `folder`.

    Raises
    ------
    ConfigError
        There is no such folder.
    NoDicomError
        There is no DICOM file in it.
    """
    if not folder.is_dir():
        raise ConfigError([f"{folder} is not a folder; name a folder that holds the DICOM files of a study"])
    closed: list[UnreadableFile] = []

    def note(error: OSError) -> None:
        reason = f"a folder that cannot be read: {(error.strerror or str(error)).lower()}"
        closed.append(UnreadableFile(Path(error.filename or folder), reason, is_closed=True))

    places = os.walk(folder, onerror=note, followlinks=False)
    paths = sorted(Path(place, name) for place, _, names in places for name in names if name != "DICOMDIR")
    scan = scan_files(path for path in paths if _may_be_read(path))
    if not scan.study_instance_uids:
        shut = f"; {closed[0].path} is {closed[0].reason}" if closed else ""
        raise NoDicomError(
            f"no readable DICOM file in {folder} ({len(paths)} files looked at){shut}; "
            "name the folder that holds the files of a study"
        )
    found = (replace(file, name=os.path.relpath(file.path, folder)) for file in (*scan.unreadable, *closed))
    return replace(scan, unreadable=tuple(found))


def _may_be_read(path: Path) -> bool:
    """Tell whether a path is a file; also where its folder does not let one look, so that reading it says so."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError:
        return True


def scan_files(paths: Iterable[Path]) -> ScanResult:
    """Read the headers of `paths`.

    Parameters
    ----------
    paths
        Files, DICOM or not.

    Returns
    -------
    ScanResult
        Facts of every frame; files that cannot be read are listed with the reason.
    """
    tags, seen = wanted_tags(), dict[Any, Any]()
    frames: list[FrameFacts] = []
    others: list[OtherInstance] = []
    unreadable: list[UnreadableFile] = []
    with warnings.catch_warnings():
        # Hospital headers break rules of the standard that do not matter here; pydicom warns of each.
        warnings.simplefilter("ignore")
        for path in paths:
            found = _read(path, tags, seen)
            if isinstance(found, UnreadableFile):
                unreadable.append(found)
            elif isinstance(found, OtherInstance):
                others.append(found)
            else:
                frames.extend(found)
    return ScanResult(tuple(frames), tuple(others), tuple(unreadable)).without_repeats()


def _read(
    path: Path, tags: tuple[BaseTag, ...], seen: dict[Any, Any]
) -> list[FrameFacts] | OtherInstance | UnreadableFile:
    try:
        with path.open("rb") as file:
            dataset = read_file(file, tags=tags, stop_before_pixels=True)
            return _facts(path, file, dataset, seen)
    except InvalidDicomError:
        return UnreadableFile(path, NOT_DICOM)
    except OversizedFileError as error:
        return UnreadableFile(path, str(error))
    except OSError as error:
        reason = f"a file that cannot be read: {(error.strerror or 'input/output error').lower()}"
        return UnreadableFile(path, reason, is_closed=True)
    except Exception as error:
        # The parser meets arbitrary bytes here and raises whatever they provoke; one bad file must not end a scan.
        return UnreadableFile(path, f"damaged header ({type(error).__name__})")


def _facts(
    path: Path, file: BinaryIO, dataset: FileDataset, seen: dict[Any, Any]
) -> list[FrameFacts] | OtherInstance | UnreadableFile:
    elements = Elements(dataset, seen)
    sop_class_uid, study = elements.uid("SOPClassUID"), elements.uid("StudyInstanceUID")
    series, instance = elements.uid("SeriesInstanceUID"), elements.uid("SOPInstanceUID")
    if not (sop_class_uid and study and series and instance):
        return UnreadableFile(path, "a DICOM file without study, series, class or instance UID")
    if not all(_UID.fullmatch(uid) for uid in (sop_class_uid, study, series, instance)):
        return UnreadableFile(path, "a study, series, class or instance UID that is no UID")
    if sop_class_uid != MRImageStorage and sop_class_uid not in MULTI_FRAME:
        return OtherInstance(path, sop_class_uid, instance, study, series)
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    problem = _UNSIZED if not (elements.whole("Rows") and elements.whole("Columns")) else ""
    if not problem and syntax != DeflatedExplicitVRLittleEndian:
        problem = pixel_problem(file, *_encoding(dataset), least_bytes=_native_bytes(elements))
    if problem:
        number, description = elements.whole("SeriesNumber"), elements.text("SeriesDescription")[0]
        return UnreadableFile(path, problem, study, series, number, description)
    return facts_of(elements, path, syntax, seen)


def _native_bytes(elements: Elements) -> int:
    """Return how many bytes the pixels take uncompressed (PS3.5 8.1.1); 0 where Bits Allocated is absent."""
    counts = ("Rows", "Columns", "BitsAllocated")
    rows, columns, bits = (elements.whole(keyword) or 0 for keyword in counts)
    frames, samples = (elements.whole(keyword) or 1 for keyword in ("NumberOfFrames", "SamplesPerPixel"))
    return rows * columns * bits * frames * samples // 8


def facts_of(elements: Elements, path: Path, syntax: str | None, seen: dict[Any, Any]) -> list[FrameFacts]:
    """Return the facts of every frame of an MR image.

    Parameters
    ----------
    elements
        Of the whole data set.
    path
        Where it lies.
    syntax
        Transfer Syntax UID: one that loses information says so even where the header is silent.
    seen
        Shared objects of this scan.
    """
    if elements.word("SOPClassUID") in MULTI_FRAME:
        frames = list(multiframe.frames(elements, path, seen))
    else:
        frames = [classic_frame(elements, path, seen)]
    if not _loses(syntax, elements.word("LossyImageCompression")):
        return frames
    lossy = [replace(frame.physics, lossy=True) for frame in frames]
    return [replace(frame, physics=seen.setdefault(it, it)) for frame, it in zip(frames, lossy, strict=True)]


def _loses(syntax: str | None, said: str) -> bool:
    # JPEG 2000, HTJ2K and JPEG-LS of these syntaxes may be without loss; only the element can say so.
    return syntax in LOSSY or (syntax in _PERHAPS_LOSSY and said != "00")


def _encoding(dataset: Dataset) -> tuple[bool, bool]:
    implicit, little = dataset.original_encoding
    return bool(implicit), little is not False
