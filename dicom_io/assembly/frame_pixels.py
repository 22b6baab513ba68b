"""Files to decoded frames, rescaled, with the geometry that belongs to them."""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import iter_pixels

from dicom_io.assembly.codestream import frame_problem
from dicom_io.assembly.elements import Elements
from dicom_io.assembly.facts import FrameFacts, Vector
from dicom_io.assembly.match_result import Passage, RoleMatch, SourceInstance
from dicom_io.assembly.refusals import ROLE_WORDS, refuse
from dicom_io.assembly.scaling import Scaling, UnusablePixelsError, scalings
from dicom_io.assembly.scanning import facts_of
from dicom_io.assembly.slopes import unbelievable_slope
from dicom_io.reading import read_file
from pipeline.errors import UnsuitableStudyError
from pipeline.study import Role

MAXIMUM_VOXELS = 64 * 1024 * 1024
"""Largest Rows x Columns x Frames of a role that is decoded: 256 slices of 512 x 512; more is not believed."""

MAXIMUM_FRAME_VOXELS = 2048 * 2048
"""Largest Rows x Columns."""

_STAGE = "assemble"


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """One slice.

    Parameters
    ----------
    values
        (row, column) float32, after rescaling.
    position_lps_mm, orientation, pixel_spacing_mm
        As in the header; see `FrameFacts`.
    """

    values: npt.NDArray[np.float32]
    position_lps_mm: Vector
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, float]
    field_strength_t: float | None
    scaling: Scaling


class OpenFiles:
    """The multi-frame file read last: phases that share one are decoded frame by frame from one reading."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._dataset: FileDataset | None = None

    def read(self, path: Path) -> FileDataset:
        """Return the whole data set at `path`; raise whatever pydicom raises."""
        if self._dataset is not None and path == self._path:
            return self._dataset
        with path.open("rb") as file:
            dataset = read_file(file)
        if int(dataset.get("NumberOfFrames") or 1) > 1:
            self._path, self._dataset = path, dataset
        return dataset


def decode_frames(chosen: RoleMatch | Passage, files: OpenFiles) -> list[DecodedFrame]:
    """Decode every slice of a role, in the order of the match.

    Parameters
    ----------
    chosen
        The sub-volume.
    files
        Shared by the roles of a study.

    Raises
    ------
    UnsuitableStudyError
        A file is gone, changed, compressed with loss, too large, or cannot be decoded.
    """
    budget = MAXIMUM_VOXELS
    frames: list[DecodedFrame] = []
    for instance in chosen.instances:
        found = _decode_instance(instance, chosen, budget, files)
        budget -= sum(frame.values.size for frame in found)
        frames += found
    if len({frame.scaling.is_philips for frame in frames}) > 1:
        raise _unsuitable(chosen.role, "gives Philips' scale slope for some of its slices only")
    ratio = unbelievable_slope([frame.values for frame in frames], [frame.scaling.slope for frame in frames])
    if ratio is not None:
        said = f"gives neighbouring slices rescale slopes (0028,1053) that differ by {ratio:.3g} times"
        raise _unsuitable(chosen.role, f"{said}, and their brightness jumps with them")
    return frames


def _decode_instance(
    instance: SourceInstance, chosen: RoleMatch | Passage, budget: int, files: OpenFiles
) -> list[DecodedFrame]:
    try:
        dataset = files.read(instance.path)
    except OSError as error:
        what = f"cannot be read: {instance.path.name}, {(error.strerror or 'input/output error').lower()}"
        # What is gone can be sent again; what may not be read would be no better for it.
        code = "SM-PIXEL" if isinstance(error, FileNotFoundError) else "SM-UNREADABLE"
        raise _unsuitable(chosen.role, what, code=code) from error
    except Exception as error:
        # The parser meets arbitrary bytes and raises whatever they provoke.
        raise _unsuitable(
            chosen.role, f"holds a damaged file, {instance.path.name} ({type(error).__name__})"
        ) from error
    facts = facts_of(Elements(dataset, {}), instance.path, dataset.file_meta.get("TransferSyntaxUID"), {})
    if not facts or facts[0].instance.sop_instance_uid != instance.sop_instance_uid:
        raise _unsuitable(chosen.role, "changed on disk after it was matched")
    if facts[0].physics.lossy:
        raise _unsuitable(chosen.role, "was compressed with loss", code="SM-LOSSY")
    # Frame k of a multi-frame role lies k-th along the normal; without numbers the stored order is that order.
    numbers = chosen.frame_numbers or range(1, len(facts) + 1)
    if max(numbers) > len(facts):
        raise _unsuitable(chosen.role, "changed on disk after it was matched")
    pixels = _pixels(dataset, facts[0], numbers, chosen.role, budget)
    try:
        scaling = scalings(dataset, len(facts))
    except UnusablePixelsError as error:
        raise _unsuitable(chosen.role, str(error)) from error
    return [
        _frame(facts[number - 1], stored, scaling[number - 1], chosen.role)
        for number, stored in zip(numbers, pixels, strict=True)
    ]


def frame_digests(path: Path, numbers: Sequence[int]) -> dict[int, str]:
    """Return the SHA-256 of the stored values of frames, by frame number from 1.

    A frame that cannot be decoded, or whose pixels are all equal, has none: nothing tells it from another.
    """
    try:
        dataset = OpenFiles().read(path)
        facts = facts_of(Elements(dataset, {}), path, dataset.file_meta.get("TransferSyntaxUID"), {})
        stored = _stored(dataset, facts[0], numbers, MAXIMUM_VOXELS)
    except Exception:
        # As in `_decode_instance`: the images themselves are judged where they are chosen.
        return {}
    return {
        number: hashlib.sha256(array.tobytes()).hexdigest()
        for number, array in zip(numbers, stored, strict=True)
        if array.min() != array.max()
    }


def _pixels(
    dataset: FileDataset, facts: FrameFacts, numbers: Sequence[int], role: Role, budget: int
) -> list[npt.NDArray[Any]]:
    try:
        return _stored(dataset, facts, numbers, budget)
    except UnusablePixelsError as error:
        raise _unsuitable(role, str(error)) from error


def _stored(
    dataset: FileDataset, facts: FrameFacts, numbers: Sequence[int], budget: int
) -> list[npt.NDArray[Any]]:
    """Return the stored values (row, column) of the frames `numbers`, from 1."""
    area = facts.rows * facts.columns
    claimed = area * facts.frame_count
    if not 0 < claimed <= MAXIMUM_VOXELS or area > MAXIMUM_FRAME_VOXELS or area * len(numbers) > budget:
        raise UnusablePixelsError(f"claims {claimed} voxels in one file, which cannot be")
    if int(dataset.get("SamplesPerPixel") or 1) != 1:
        raise UnusablePixelsError("is in colour")
    problem = _compression_problem(dataset, facts)
    if problem:
        raise UnusablePixelsError(problem)
    try:
        # By frame: of an object that holds all phases, no frame is decoded for a role that does not want it.
        arrays = list(iter_pixels(dataset, indices=[number - 1 for number in numbers]))
    except Exception as error:
        # Decoders are plug-ins in C; each has its own exceptions.
        raise UnusablePixelsError(f"has pixels that cannot be decoded ({type(error).__name__})") from error
    if any(array.shape != (facts.rows, facts.columns) for array in arrays):
        raise UnusablePixelsError("has another number of pixels than its header says")
    return arrays


def _compression_problem(dataset: FileDataset, facts: FrameFacts) -> str:
    """Return what a decoder must not be asked to do; empty where nothing is wrong."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated:
        return ""
    try:
        frames = generate_frames(dataset.PixelData, number_of_frames=facts.frame_count)
        problems = (frame_problem(frame, syntax, facts.rows, facts.columns) for frame in frames)
        return next(filter(None, problems), "")
    except (ValueError, AttributeError, struct.error) as error:
        return f"has pixels that cannot be decoded ({type(error).__name__})"


def _frame(facts: FrameFacts, stored: npt.NDArray[Any], scaling: Scaling, role: Role) -> DecodedFrame:
    if facts.position_lps_mm is None or facts.orientation is None or facts.pixel_spacing_mm is None:
        raise _unsuitable(role, "does not say where its slices lie", code="SM-GEOM")
    values = (stored.astype(np.float64) * scaling.slope + scaling.intercept).astype(np.float32)
    return DecodedFrame(
        values,
        facts.position_lps_mm,
        facts.orientation,
        facts.pixel_spacing_mm,
        facts.physics.field_strength_t,
        scaling,
    )


def _unsuitable(role: Role, what: str, *, code: str = "SM-PIXEL") -> UnsuitableStudyError:
    found = refuse(code, f"The {ROLE_WORDS[role]} {what}.")
    # What SM-PIXEL advises is about contrast; here the pixels themselves are unfit.
    remedy = found.remedy if code in ("SM-LOSSY", "SM-UNREADABLE") else "Send the series again."
    return UnsuitableStudyError(code, found.message, remedy=remedy, stage=_STAGE)
