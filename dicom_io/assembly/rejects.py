"""What can fill no role, whatever its score."""

from collections.abc import Callable, Iterator

from config.series_rules import SeriesRules
from dicom_io.assembly.derived_images import derived
from dicom_io.assembly.headers import GREATEST_PIXEL_MM
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.surroundings import Surroundings
from dicom_io.assembly.verdicts import NOT_MR, UNSUPPORTED, Finding, Verdict, verdict

Check = Callable[[SubVolume, Surroundings, SeriesRules], Iterator[Finding]]

_LOCALIZER_TYPES = frozenset({"LOCALIZER", "SCOUT"})


def reject(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Verdict | None:
    """Return why `subvolume` can fill no role, or None where it may."""
    found = (finding for check in _CHECKS for finding in check(subvolume, around, rules))
    return next((verdict(code, because, subvolume, around) for applies, code, because in found if applies), None)


def _unplaced(subvolume: SubVolume, _around: Surroundings, _rules: SeriesRules) -> Iterator[Finding]:
    modality, mosaic = subvolume.series.modality, subvolume.physics.mosaic
    yield modality not in ("", "MR"), NOT_MR, f"its modality is {modality}, not MR"
    yield mosaic, UNSUPPORTED, "its slices are tiled into one picture (mosaic), which is not supported"
    known = bool(subvolume.positions_mm) and subvolume.frames[0].pixel_spacing_mm is not None
    known = known and subvolume.spacing.step_mm <= GREATEST_PIXEL_MM
    yield not known, "NO-GEOMETRY", "its images do not say where they lie, or contradict themselves in it"


def _localizer(subvolume: SubVolume, around: Surroundings, _rules: SeriesRules) -> Iterator[Finding]:
    named = bool(_LOCALIZER_TYPES & set(subvolume.physics.image_type)) or "localizer" in around.concepts
    yield named, "LOCALIZER", "a localizer"
    yield around.planes > 1, "LOCALIZER", f"its series holds {around.planes} planes, as a localizer does"
    yield "bolus" in around.concepts, "BOLUS-TRACK", "a bolus-tracking series"
    yield "failed" in around.concepts, "FAILED", "given up by whoever acquired it"


def _unsuitable(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Iterator[Finding]:
    normal, slices, least = subvolume.normal, len(subvolume.frames), rules.geometry.minimum_slices
    axial = normal is not None and abs(normal[2]) >= rules.geometry.axial_cosine
    elsewhere = subvolume.physics.body_part in rules.anatomy.other_body_parts
    yield elsewhere, "BODY-PART", f"its body part is {subvolume.physics.body_part}, not the liver"
    yield "other_region" in around.concepts, "BODY-PART", "of another part of the body"
    yield not axial, "ORIENTATION", "not axial"
    yield slices < least, "FEW-SLICES", f"{slices} slices, fewer than {least}"
    yield "cholangiography" in around.concepts, "MRCP", "a cholangiography"
    yield "flair" in around.concepts, "FLAIR", "a T2 sequence with suppressed water"
    yield "balanced" in around.concepts, "BALANCED", "a balanced steady-state sequence"
    yield subvolume.physics.burned_in, "BURNED-IN", "text is burned into its images"


_CHECKS: tuple[Check, ...] = (_unplaced, _localizer, derived, _unsuitable)
