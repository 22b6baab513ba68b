"""What a sub-volume is judged by beside itself: its text, its series, its study."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.lexicon import Lexicon, Named
from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.text import normalise

REJECTING = {
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

_ONE_PLANE = 0.8
"""Least share of the images of a series in one plane, from which on the others are strays and no localizer."""

_SERIES_OF_AN_EXAMINATION = 4
"""Fewer series may well be the parts of one acquisition, and bear its name with reason."""

DIFFUSION_TYPES = frozenset({"DIFFUSION", "TRACEW", "TRACE", "ISOTROPIC", "ISO"})

_WITH_ADC = re.compile(r"(?:dwi|diff\w*|trace\w*) ?(?:\+|&|and|und|et|with|mit|avec|con|y|e) ?adc(?!\w)")

_T2_WORD = re.compile(r"(?<![a-z])t2")


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
        item.physics.b_value_s_per_mm2 is not None or DIFFUSION_TYPES & set(item.physics.image_type)
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


def without_text(subvolume: SubVolume, around: Surroundings) -> Surroundings:
    """Return what `reject` needs to know, less whatever only the description says."""
    return replace(around, concepts=frozenset(), dixon=subvolume.physics.dixon, named_dixon=None)


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
        found -= (found - lexicon.concepts(own)) & frozenset(REJECTING.values())
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
