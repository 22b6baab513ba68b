"""Images sent again under other UIDs, as by an archive that coerces them: the same acquisition, the same pixels.

Sharing a position makes no copy: phases and b-values do. Only where every fact of the acquisition is the same as
well are pixels compared, so that the files of an ordinary study are not read for it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.frame_pixels import frame_digests
from dicom_io.assembly.match_result import RejectedSubVolume
from dicom_io.assembly.scan_result import ScanResult

CODE = "DUPLICATE"

Identity = tuple[object, ...]
"""Facts of an acquisition and its pixels; equal for an image and its copy."""


@dataclass(frozen=True)
class WithoutCopies:
    """A study in which every image is there once, and what was left out for it."""

    scan: ScanResult
    left_out: tuple[RejectedSubVolume, ...] = ()


def without_copies(scan: ScanResult) -> WithoutCopies:
    """Leave out images that are there twice under different UIDs.

    Within a series the copy of an image is left out; of two series, one all of whose images are in the other. The
    series with the lower number stays, unless it has fewer images; one that has images of its own stays whole.

    Parameters
    ----------
    scan
        Facts of one study.
    """
    identities = _identities(scan.frames)
    if not identities:
        return WithoutCopies(scan)
    series: dict[str, list[FrameFacts]] = defaultdict(list)
    for frame in scan.frames:
        series[frame.series.series_instance_uid].append(frame)
    kept: dict[str, list[FrameFacts]] = {}
    left_out: list[RejectedSubVolume] = []
    held: dict[Identity, FrameFacts] = {}
    for uid, frames in sorted(series.items(), key=lambda item: _rank(item[1])):
        own = _once(frames, identities)
        if len(own) < len(frames):
            left_out.append(_record(frames[0], f"{len(frames) - len(own)} of its images were sent again", ""))
        originals = [held.get(identities.get(_name(frame), ())) for frame in own]
        if all(originals) and len({frame.series.series_instance_uid for frame in originals if frame}) == 1:
            number = originals[0].series.series_number if originals[0] else None
            left_out.append(_record(frames[0], "its images were sent before", f" as series {number}"))
            continue
        kept[uid] = own
        for frame in own:
            if (identity := identities.get(_name(frame))) is not None:
                held.setdefault(identity, frame)
    chosen = {_name(frame) for frames in kept.values() for frame in frames}
    return WithoutCopies(
        replace(scan, frames=tuple(frame for frame in scan.frames if _name(frame) in chosen)), tuple(left_out)
    )


def _name(frame: FrameFacts) -> tuple[str, int]:
    return frame.instance.sop_instance_uid, frame.frame_number or 1


def _rank(frames: Sequence[FrameFacts]) -> tuple[int, bool, int, str]:
    facts = frames[0].series
    return -len(frames), facts.series_number is None, facts.series_number or 0, facts.series_instance_uid


def _once(frames: Sequence[FrameFacts], identities: Mapping[tuple[str, int], Identity]) -> list[FrameFacts]:
    """Return the frames of one series without copies of one another, of two the one with the lower number."""
    seen: set[Identity] = set()
    found = []
    for frame in sorted(frames, key=lambda item: (item.instance_number or 0, *_name(item))):
        identity = identities.get(_name(frame))
        if identity is None or identity not in seen:
            found.append(frame)
        if identity is not None:
            seen.add(identity)
    return found


def _identities(frames: Sequence[FrameFacts]) -> dict[tuple[str, int], Identity]:
    """Return what tells the images that may be copies, by instance and frame; all others are absent."""
    alike: dict[Identity, list[FrameFacts]] = defaultdict(list)
    for frame in frames:
        if frame.position_lps_mm is not None:
            alike[_acquisition(frame)].append(frame)
    suspects = {
        _name(frame): acquisition
        for acquisition, found in alike.items()
        if len({frame.instance.sop_instance_uid for frame in found}) > 1
        for frame in found
    }
    if not suspects:
        return {}
    wanted: dict[Path, list[int]] = defaultdict(list)
    instances = {}
    for frame in frames:
        if _name(frame) in suspects:
            wanted[frame.instance.path].append(frame.frame_number or 1)
            instances[frame.instance.path] = frame.instance.sop_instance_uid
    return {
        (instances[path], number): (*suspects[instances[path], number], digest)
        for path, numbers in wanted.items()
        for number, digest in frame_digests(path, numbers).items()
    }


def _acquisition(frame: FrameFacts) -> Identity:
    """Return what a copy has in common with its original; whose image it is, to begin with."""
    times, series = frame.times, frame.series
    return (
        series.study_instance_uid, series.patient_key, series.frame_of_reference_uid, frame.physics, frame.rows,
        frame.columns, frame.pixel_spacing_mm, frame.orientation, frame.position_lps_mm,
        times.frame_acquisition_s, times.acquisition_s, times.trigger_s, frame.temporal_position,
    )  # fmt: skip


def _record(frame: FrameFacts, what: str, where: str) -> RejectedSubVolume:
    facts = frame.series
    return RejectedSubVolume(
        series_instance_uid=facts.series_instance_uid,
        sub_volume="",
        code=CODE,
        because=f"{what}{where}, under other UIDs, and are the same pixel for pixel",
        series_number=facts.series_number,
        series_description=facts.description,
        tag="(0008,0018)",
    )
