"""What would fill a role, and must not be analysed."""

from config.series_rules import SeriesRules
from dicom_io.assembly.subvolumes import SPATIAL, SubVolume
from dicom_io.assembly.surroundings import Surroundings
from dicom_io.assembly.verdicts import Finding, Verdict


def defect(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Verdict | None:
    """Return why a sub-volume that fits a role must nevertheless not be analysed, or None."""
    slices, missing = len(subvolume.frames), subvolume.spacing.missing
    objects = len({frame.instance.sop_instance_uid for frame in subvolume.frames})
    found: tuple[Finding, ...] = (
        (subvolume.physics.lossy, "SM-LOSSY", "its images were compressed with loss, which changes texture"),
        # Before the gap that it leaves: a damaged file is copied again, a missing one is looked for.
        (bool(around.damage), "SM-INCOMPLETE", around.damage),
        (
            around.astray > 0,
            "SM-INCOMPLETE",
            f"{around.astray} image{' of its series lies' if around.astray == 1 else 's of its series lie'} "
            "in another plane than the others",
        ),
        (
            missing > 0,
            "SM-INCOMPLETE",
            f"{missing} slice{' is' if missing == 1 else 's are'} missing between its {slices}",
        ),
        (
            slices < rules.geometry.sibling_slices * around.largest_sibling,
            "SM-INCOMPLETE",
            f"it has {slices} slices where a phase of its series has {around.largest_sibling}",
        ),
        (
            not subvolume.spacing.regular,
            "SM-GEOM",
            f"its slices are not equally spaced: {subvolume.spacing.step_mm:.2f} mm in the middle, from which a "
            f"step may differ by {subvolume.spacing.tolerance_mm:.2f} mm",
        ),
        (subvolume.split_tag == SPATIAL, "SM-SPLIT-WEAK", "only the order of its images tells its phases apart"),
        (objects not in (1, slices), "SM-VENDOR", "its slices are spread over several multi-frame objects"),
    )
    return next((Verdict(code, because) for applies, code, because in found if applies), None)
