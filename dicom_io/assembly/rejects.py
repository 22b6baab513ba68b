"""What can fill no role, whatever its score; and what would, but must not be analysed."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.series_rules import SeriesRules
from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.headers import GREATEST_PIXEL_MM
from dicom_io.assembly.lexicon import Lexicon, Named
from dicom_io.assembly.subvolumes import SPATIAL, SubVolume
from dicom_io.assembly.text import normalise


@dataclass(frozen=True)
class Verdict:
    """A code and the sentence for it, the element that speaks, what it says, and the rule that decides."""

    code: str
    because: str
    tag: str = ""
    value: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What a sub-volume is judged by beside itself.

    Parameters
    ----------
    concepts
        What its text names.
    dixon
        Dixon type, from Image Type or the description.
    planes
        Number of different orientations in its series.
    largest_sibling
        Slices of the largest sub-volume of the same series and kind.
    damage
        Which files of its series are damaged, and how, as the end of a sentence; empty where none is.
    diffusion_series
        Whether any sub-volume of the series is diffusion weighted: Canon gives no b-value to the others.
    acquired_b
        b-values of which the study holds images that were acquired, not computed, s/mm2.
    words
        The word of its text that names each concept.
    named_dixon
        What its description says of a Dixon type; None where Image Type says it, or nothing does.
    """

    concepts: frozenset[str]
    dixon: str | None
    planes: int
    largest_sibling: int
    damage: str = ""
    diffusion_series: bool = False
    acquired_b: frozenset[float] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict, compare=False)
    named_dixon: Named | None = None
    astray: int = 0
    """Images of its series that lie in another plane than nearly all the others."""


Finding = tuple[bool, str, str]
"""Whether it applies, its code, and the sentence."""

Check = Callable[[SubVolume, Surroundings, SeriesRules], Iterator[Finding]]

NOT_MR = "NOT-MR"
"""Code of what is no MR image, by its class or by its modality."""

UNSUPPORTED = "VENDOR"
"""Code of images whose encapsulation this software cannot read."""

_ONE_PLANE = 0.8
"""Least share of the images of a series in one plane, from which on the others are strays and no localizer."""

_LOCALIZER_TYPES = frozenset({"LOCALIZER", "SCOUT"})
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
_SERIES_OF_AN_EXAMINATION = 4
"""Fewer series may well be the parts of one acquisition, and bear its name with reason."""
_WITH_ADC = re.compile(r"(?:dwi|diff\w*|trace\w*) ?(?:\+|&|and|und|et|with|mit|avec|con|y|e) ?adc(?!\w)")
_T2_WORD = re.compile(r"(?<![a-z])t2")
_NO_TRACE = "a derived diffusion image that is called no trace, of a b-value that no original image has"
_ADC_WORDS = ("adc", "apparent", "aparent", "diffusionskoeff", "表观", "表觀", "見かけ", "みかけ", "겉보기")
_DIFFUSION_TYPES = frozenset({"DIFFUSION", "TRACEW", "TRACE", "ISOTROPIC", "ISO"})


def reject(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Verdict | None:
    """Return why `subvolume` can fill no role, or None where it may."""
    found = (finding for check in _CHECKS for finding in check(subvolume, around, rules))
    return next((_verdict(code, because, subvolume, around) for applies, code, because in found if applies), None)


def _verdict(code: str, because: str, subvolume: SubVolume, around: Surroundings) -> Verdict:
    """Add the element that a rejection rests on: a word in the description, else Image Type or its own element."""
    physics, series = subvolume.physics, subvolume.series
    concept = _CONCEPTS.get(code, "")
    if concept in around.concepts:
        said = _as_said(around.words.get(concept, ""), concept, subvolume)
        return Verdict(code, because + said, "(0008,103E)", series.description, f"lexicon.{concept}")
    if code == "DIXON" and around.named_dixon is not None:
        named = around.named_dixon
        said = _as_said(named.word, named.concept, subvolume)
        return Verdict(code, because + said, "(0008,103E)", series.description, f"lexicon.{named.concept}")
    slices, normal = len(subvolume.frames), subvolume.normal or ()
    shown = {
        NOT_MR: ("(0008,0060)", series.modality, ""),
        "NO-GEOMETRY": ("(0020,0032)", "", ""),
        "ORIENTATION": ("(0020,0037)", " ".join(f"{part:.2f}" for part in normal), "geometry.axial_cosine"),
        "FEW-SLICES": ("(0020,0032)", str(slices), "geometry.minimum_slices"),
        "BODY-PART": ("(0018,0015)", physics.body_part, "anatomy.other_body_parts"),
        "DERIVED": ("(0008,0008)", "\\".join(physics.image_type), "decision.derived"),
        "BURNED-IN": ("(0028,0301)", "YES", ""),
        "COMPONENT": ("(0008,9208)", physics.component, ""),
    }
    return Verdict(code, because, *shown.get(code, ("(0008,0008)", "\\".join(physics.image_type), "")))


def _as_said(word: str, concept: str, subvolume: SubVolume) -> str:
    """Return the end of a sentence that names a word, where it stands, and the list that holds it."""
    described = any(word in normalise(text) for text in subvolume.series.descriptions)
    place = "description" if described else "protocol or sequence name"
    return f", as {word!r} in its {place} says (lexicon.{concept})" if word else ""


def acquired_b_values(frames: Sequence[FrameFacts]) -> frozenset[float]:
    """Return the b-values of images that call themselves ORIGINAL, s/mm2."""
    found = (frame.physics for frame in frames if frame.physics.image_type[:1] == ("ORIGINAL",))
    return frozenset(physics.b_value_s_per_mm2 for physics in found if physics.b_value_s_per_mm2 is not None)


def names_of_the_examination(frames: Iterable[FrameFacts]) -> frozenset[str]:
    """Return the names of protocols that every series of a study bears, and that describe none of them.

    Some scanners write there what was ordered: `LIVER EOVIST / MRCP` makes no series a cholangiography.
    """
    series = {frame.series.series_instance_uid: frame.series for frame in frames}.values()
    described = {normalise(text) for item in series for text in item.descriptions}
    names = [frozenset(item.search_text.split(" | ")) for item in series]
    return frozenset.intersection(*names) - described if len(names) >= _SERIES_OF_AN_EXAMINATION else frozenset()


def surroundings(
    series: Sequence[SubVolume],
    lexicon: Lexicon,
    damage: str,
    acquired_b: frozenset[float] = frozenset(),
    examination: frozenset[str] = frozenset(),
) -> list[Surroundings]:
    """Return what `reject` needs to know beside each sub-volume itself.

    Parameters
    ----------
    series
        All sub-volumes of one series.
    lexicon
        Reads the texts.
    damage
        Which of its files are damaged, and how; empty where none is.
    acquired_b
        b-values of the whole study that were acquired, s/mm2.
    examination
        As of `names_of_the_examination`; what they alone say rejects nothing.
    """
    planes, astray = _planes(series)
    largest: dict[str, int] = {}
    for item in series:
        largest[item.split_tag] = max(largest.get(item.split_tag, 0), len(item.frames))
    b_values = {item.physics.b_value_s_per_mm2 for item in series} - {None}
    diffusion = any(
        item.physics.b_value_s_per_mm2 is not None or _DIFFUSION_TYPES & set(item.physics.image_type)
        for item in series
    )
    named = {item: None if item.physics.dixon else _named_dixon(item, lexicon) for item in series}
    return [
        Surroundings(
            concepts=_concepts(item, lexicon, examination, several_b=len(b_values) > 1),
            dixon=item.physics.dixon or (said.kind if said else None),
            planes=planes,
            astray=astray,
            largest_sibling=largest[item.split_tag],
            damage=damage,
            diffusion_series=diffusion,
            acquired_b=acquired_b,
            words=lexicon.words(item.series.search_text),
            named_dixon=said,
        )
        for item, said in named.items()
    ]


def _planes(series: Sequence[SubVolume]) -> tuple[int, int]:
    """Return how many planes a series is of, and how many of its images lie astray, in another than the one."""
    sizes: Counter[tuple[float, ...]] = Counter()
    for item in series:
        if item.normal is not None:
            sizes[tuple(round(part, 1) for part in item.normal)] += len(item.frames)
    most = max(sizes.values(), default=0)
    astray = sizes.total() - most
    # A localizer has about as many images of each plane.
    return (1, astray) if astray and most >= _ONE_PLANE * sizes.total() else (len(sizes), 0)


def _concepts(
    subvolume: SubVolume, lexicon: Lexicon, examination: frozenset[str], *, several_b: bool
) -> frozenset[str]:
    """Return what the text names; T1 by the description alone: a protocol may be called after its main part."""
    text = subvolume.series.search_text
    own = " | ".join(part for part in text.split(" | ") if part not in examination)
    found = lexicon.concepts(text)
    if own != text:
        found -= (found - lexicon.concepts(own)) & frozenset(_CONCEPTS.values())
    if several_b and subvolume.physics.b_value_s_per_mm2 is not None and _WITH_ADC.search(text):
        # The series is called after both; its ADC says so in Image Type, or is all there is.
        found -= {"map"}
    readings = [lexicon.concepts(normalise(name)) for name in subvolume.series.descriptions]
    if not any("other_region" in said and "liver" not in said for said in readings):
        found -= {"other_region"}
    if "t1" not in found:
        return found
    described = [
        text for name in subvolume.series.descriptions if "t1" in lexicon.concepts(text := normalise(name))
    ]
    if not described:
        return found - {"t1"}
    # `T1 TSE` is no T2, although most turbo spin echoes are.
    return found if any(_T2_WORD.search(text) for text in described) else found - {"t2"}


def _named_dixon(subvolume: SubVolume, lexicon: Lexicon) -> Named | None:
    texts = subvolume.series.descriptions
    return next((named for text in texts if (named := lexicon.dixon(normalise(text)))), None)


def without_text(subvolume: SubVolume, around: Surroundings) -> Surroundings:
    """Return what `reject` needs to know, less whatever only the description says."""
    return replace(around, concepts=frozenset(), dixon=subvolume.physics.dixon, named_dixon=None)


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


def _derived(subvolume: SubVolume, around: Surroundings, rules: SeriesRules) -> Iterator[Finding]:
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
    diffusion = bool(_DIFFUSION_TYPES & types) or weighted
    unsaid = "DERIVED" in types and around.dixon is None and not diffusion
    said = "\\".join(physics.image_type)
    yield (
        unsaid and rules.decision.derived == "refuse",
        "DERIVED",
        f"computed from other images, as its Image Type (0008,0008) {said} says ([decision] derived)",
    )


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


_CONCEPTS = {
    "LOCALIZER": "localizer",
    "BOLUS-TRACK": "bolus",
    "SUBTRACTION": "subtraction",
    "PROJECTION": "projection",
    "ADC": "map",
    "MAP": "map",
    "CALCULATED-B": "calculated_b",
    "MOTION-CORRECTED": "motion_corrected",
    "FAILED": "failed",
    "MRCP": "cholangiography",
    "BALANCED": "balanced",
    "FLAIR": "flair",
    "BODY-PART": "other_region",
}
"""The concept of the lexicon behind a code."""

_CHECKS: tuple[Check, ...] = (_unplaced, _localizer, _derived, _unsuitable)
