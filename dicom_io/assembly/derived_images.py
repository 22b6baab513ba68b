"""Images that were computed from others: subtractions, projections, maps, copies and Dixon parts."""

from collections.abc import Iterator

from config.series_rules import SeriesRules
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.surroundings import DIFFUSION_TYPES, Surroundings
from dicom_io.assembly.verdicts import Finding

_PROJECTION_TYPES = frozenset(
    {
        "MIP",
        "MINIP",
        "MIN IP",
        "MPR",
        "CSA MPR",
        "RESAMPLED",
        "REFORMATTED",
        "PROJECTION IMAGE",
        "CPR",
        "VOLREND",
        "MNIP",
        "MEAN",
    }
)

_MAP_TYPES = frozenset(
    {"ADC", "EADC", "EXP_ADC", "ADC_MAP", "FA", "T1 MAP", "T1_MAP", "T2 MAP", "T2_MAP", "T2_STAR", "R2_STAR",
     "R2 STAR", "FIELD_MAP", "B0", "STIFFNESS", "FAT_FRACTION", "PDFF", "PERFUSION"}
)  # fmt: skip

_CALCULATED_B_TYPES = frozenset({"CALC_BVALUE", "CALCULATED", "COMPUTED", "SYNTHETIC"})

_CALL_ORIGINALS_DERIVED = ("philips", "canon", "toshiba", "uih", "united imaging")
"""Makers whose diffusion images may be DERIVED without any other word of diffusion in Image Type."""

_NO_TRACE = "a derived diffusion image that is called no trace, of a b-value that no original image has"

_ADC_WORDS = ("adc", "apparent", "aparent", "diffusionskoeff", "表观", "表觀", "見かけ", "みかけ", "겉보기")


def derived(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Iterator[Finding]:
    types, physics, text = set(subvolume.physics.image_type), subvolume.physics, around.concepts
    subtracted = "subtraction" in text or any(word == "SUB" or word.startswith("SUBTRACT") for word in types)
    yield subtracted, "SUBTRACTION", "a subtraction of two phases"
    projected = bool(_PROJECTION_TYPES & types) or "projection" in text
    yield projected, "PROJECTION", "a projection or reformat of other images"
    mapped = bool(_MAP_TYPES & types) or any(word.endswith("MAP") for word in types) or "map" in text
    yield mapped and _is_adc(subvolume), "ADC", "a map of the apparent diffusion coefficient"
    # Philips appends the ADC to the series: weighted by its b-value, and yet without direction (0018,9075).
    unweighted = physics.directionality == "NONE" and bool(physics.b_value_s_per_mm2) and "DERIVED" in types
    yield unweighted, "ADC", "computed from diffusion images, itself not weighted"
    yield mapped, "MAP", "a parameter map"
    yield (
        bool(_CALCULATED_B_TYPES & types) or "calculated_b" in text,
        "CALCULATED-B",
        "a calculated diffusion image",
    )
    yield _is_computed_weighting(subvolume, around), "CALCULATED-B", _NO_TRACE
    yield physics.component != "MAGNITUDE", "COMPONENT", f"a {physics.component.lower()} image"
    # Interpolated by the scanner, which changes texture. Diffusion is averaged from images that were aligned.
    aligned = "MOCO" in types or "motion_corrected" in text
    planar = physics.b_value_s_per_mm2 is not None or around.diffusion_series or "EP" in physics.scanning_sequence
    yield aligned and not planar, "MOTION-CORRECTED", "a motion-corrected copy; the original is wanted"
    other_dixon = around.dixon not in (None, "WATER")
    yield other_dixon, "DIXON", f"the Dixon {(around.dixon or '').lower().replace('_', ' ')} image"
    weighted = physics.b_value_s_per_mm2 is not None and _calls_originals_derived(subvolume)
    diffusion = bool(DIFFUSION_TYPES & types) or weighted
    unsaid = "DERIVED" in types and around.dixon is None and not diffusion
    said = "\\".join(physics.image_type)
    yield (
        unsaid and rules.decision.derived == "refuse",
        "DERIVED",
        f"computed from other images, as its Image Type (0008,0008) {said} says ([decision] derived)",
    )


def _is_computed_weighting(subvolume: SubVolume, around: Surroundings) -> bool:
    """Tell whether a derived diffusion image is no trace of images that were acquired with its b-value.

    Siemens writes DERIVED, PRIMARY, DIFFUSION, TRACEW for the trace, which is what scanners send first.
    """
    physics = subvolume.physics
    b_value = physics.b_value_s_per_mm2
    derived = {"DERIVED", "DIFFUSION"} <= set(physics.image_type)
    if not b_value or not derived or _calls_originals_derived(subvolume):
        return False
    trace = physics.directionality == "ISOTROPIC" or "trace" in subvolume.series.search_text
    return not trace and b_value not in around.acquired_b


def _calls_originals_derived(subvolume: SubVolume) -> bool:
    maker = subvolume.series.manufacturer.casefold()
    return any(name in maker for name in _CALL_ORIGINALS_DERIVED)


def _is_adc(subvolume: SubVolume) -> bool:
    words = " ".join((*subvolume.physics.image_type, subvolume.series.search_text)).casefold()
    return any(word in words for word in _ADC_WORDS)
