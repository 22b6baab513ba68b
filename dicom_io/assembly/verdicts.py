"""Why a sub-volume fills no role: a code, a sentence, and what it rests on."""

from dataclasses import dataclass

from dicom_io.assembly.subvolumes import SubVolume
from dicom_io.assembly.surroundings import REJECTING, Surroundings
from dicom_io.assembly.text import normalise


@dataclass(frozen=True)
class Verdict:
    """A code and the sentence for it, the element that speaks, what it says, and the rule that decides."""

    code: str
    because: str
    tag: str = ""
    value: str = ""
    rule: str = ""


Finding = tuple[bool, str, str]
"""Whether it applies, its code, and the sentence."""

NOT_MR = "NOT-MR"
"""Code of what is no MR image, by its class or by its modality."""

UNSUPPORTED = "VENDOR"
"""Code of images whose encapsulation this software cannot read."""


def verdict(code: str, because: str, subvolume: SubVolume, around: Surroundings) -> Verdict:
    """Add the element that a rejection rests on: a word in the description, else Image Type or its own element."""
    physics, series = subvolume.physics, subvolume.series
    concept = REJECTING.get(code, "")
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
