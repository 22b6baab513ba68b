"""Names of the program in a radiologist's words: sequences, quality gates, classifiers, features."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dicom_io.assembly.match_result import Evidence
from pipeline.analysis import Classifier, GateOutcome
from pipeline.study import Analyte, Role

ROLE_TITLES: Mapping[Role, str] = {
    Role.T2: "T2",
    Role.DWI: "DWI",
    Role.T1_PRE: "T1 pre-contrast",
    Role.T1_ARTERIAL: "T1 arterial",
    Role.T1_PORTAL: "T1 portal venous",
    Role.T1_HEPATOBILIARY: "T1 hepatobiliary",
}

CLASSIFIER_TITLES: Mapping[Classifier, str] = {
    Classifier.RADIOMICS_AND_CLINICAL: "radiomics and clinical values, tumour size from the images",
    Classifier.RADIOMICS: "radiomics only",
}

_FEATURE_TITLES: Mapping[str, str] = {
    Analyte.AST.value: "AST",
    Analyte.GGT.value: "GGT",
    Analyte.TOTAL_PROTEIN.value: "total protein",
    Analyte.LYMPHOCYTE_RATIO.value: "lymphocyte ratio",
    Analyte.FIBRINOGEN.value: "fibrinogen",
    Analyte.HBCAB.value: "HBcAb",
    "tumour_size_mm": "tumour size",
}


class _Gate(NamedTuple):
    """How a gate is told: what was measured, its unit, digits after the point, and which way the limit lies."""

    what: str
    unit: str
    digits: int
    is_upper: bool
    factor: float = 1.0


_GATES: Mapping[str, _Gate] = {
    "field_strength": _Gate("distance from the field strengths of the training cases", " T", 1, True),
    "contrast_agent": _Gate("contrast agents that no training case had", "", 0, True),
    "registration_overlap": _Gate("body covered by every sequence", " %", 0, False, 100.0),
    "registration_displacement": _Gate("farthest shift between sequences", " mm", 1, True),
    "registration_rotation": _Gate("largest turn between sequences", "°", 1, True),
    "registration_similarity": _Gate("least likeness after registration (mutual information)", "", 2, False),
    "registration_mirror": _Gate("likeness of the mirror image, as a share of the likeness", " %", 0, True, 100.0),
    "registration_detail": _Gate(
        "likeness that is left after a further shift of 4 mm, as a share of the likeness", " %", 0, True, 100.0
    ),
    "liver_volume": _Gate("liver volume", " cm³", 0, False),
    "liver_cut": _Gate("liver cut by the first or last slice", " %", 0, True, 100.0),
    "liver_coverage": _Gate("liver covered by every sequence", " %", 0, False, 100.0),
    "tumour_coverage": _Gate("tumour covered by every sequence", " %", 0, False, 100.0),
    "hepatobiliary_enhancement": _Gate("liver enhancement in the hepatobiliary phase", " times", 2, False),
    "lesion_count": _Gate("number of lesions", "", 0, True),
    "tumour_share": _Gate("share of the liver taken for tumour", " %", 0, True, 100.0),
    "tumour_size": _Gate("diameter of the largest lesion", " mm", 0, True),
    "tumour_contact": _Gate("least share of liver around a lesion", " %", 0, False, 100.0),
    "feature_range": _Gate("features outside the range of the training cases", " %", 1, True, 100.0),
    "feature_distance": _Gate("distance from the training cases", " standard deviations", 1, True),
}
_DIFFUSION_B_VALUE, _DIRECTIONALITY = "(0018,9087)", "(0018,9075)"
_MOST_REASONS = 4


def feature_title(name: str) -> str:
    """Return the words for a clinical feature such as ``total_protein_g_per_l``."""
    return _FEATURE_TITLES.get(name, name.replace("_", " "))


def gate_sentence(gate: GateOutcome) -> str:
    """Tell a quality gate: what was measured, the limit, and whether it was kept."""
    verdict = "passed" if gate.passed else "not passed"
    words = _GATES.get(gate.gate)
    if words is None:
        return f"{gate.gate.replace('_', ' ')}: {gate.value:.3g}, limit {gate.limit:.3g}: {verdict}"
    value, limit = (f"{number * words.factor:.{words.digits}f}{words.unit}" for number in (gate.value, gate.limit))
    return f"{words.what}: {value}, {'at most' if words.is_upper else 'at least'} {limit}: {verdict}"


def reasons(evidence: Sequence[Evidence]) -> str:
    """Tell in short why a series was taken for a role: the strongest reasons, its name aside."""
    told = [item for item in evidence if item.weight > 0 and item.family != "text" and item.tag != _DIRECTIONALITY]
    strongest = sorted(told, key=lambda item: -item.weight)[:_MOST_REASONS]
    return "; ".join(_reason(item) for item in strongest)


def together(lesions: int) -> str:
    """Say whose the risk is where there are several lesions: their voxels are measured as one; else nothing."""
    return f"The risk of all {lesions} lesions together. " if lesions > 1 else ""


def in_words(sentence: str) -> str:
    """Return a sentence of the pipeline with the sequences as a radiologist names them."""
    for role, title in ROLE_TITLES.items():
        sentence = sentence.replace(role.value, title)
    return sentence


def _reason(item: Evidence) -> str:
    if item.tag == _DIFFUSION_B_VALUE:
        return f"b = {item.value} s/mm²"
    if item.family == "agent":
        return f"contrast agent: {item.value}"
    return item.value
