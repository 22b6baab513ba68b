"""What the pipeline returns: label maps, lesions, the risk, and the evidence for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.deformation import Deformation
from pipeline.geometry import FloatArray
from pipeline.study import Analyte, Role
from pipeline.volume import LabelMap, Volume


class RiskCategory(StrEnum):
    """Levels of PS3.16 CID 3118 that the model uses."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    UNCERTAIN = "uncertain"


class Classifier(StrEnum):
    """Which classifier gave the risk."""

    RADIOMICS_AND_CLINICAL = "radiomics+clinical"
    RADIOMICS = "radiomics"


@dataclass(frozen=True)
class Lesion:
    """One connected tumour on the grid of the original hepatobiliary series.

    Parameters
    ----------
    number
        From 1, by falling volume; the label in `Analysis.lesion_map` and `Analysis.margin_map`.
    longest_diameter_mm
        Largest distance of two points of the lesion within one axial slice, mm (as a radiologist measures).
    volume_cm3
        Number of voxels times their volume, cm3.
    centroid_lps_mm
        LPS, mm.
    """

    number: int
    longest_diameter_mm: float
    volume_cm3: float
    centroid_lps_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Risk:
    """Predicted risk of microvascular invasion.

    Parameters
    ----------
    probability
        0 to 1; a probability only where `calibrated`, otherwise a score.
    interval_95
        Spread of the ensemble: 2.5th and 97.5th percentile.
    category
        Level of risk, from `probability`, `interval_95` and `threshold`.
    threshold
        Of the bundle, chosen on its validation cases.
    calibrated
        Whether the bundle carries a calibration made on held-out cases.
    classifier
        Which classifier was used.
    missing_clinical
        The clinical features that were absent; not empty exactly where the radiomics classifier was used.
    left_out_auc
        Area under the curve of that classifier on cases left out of its fit; None where the bundle does not say.
    """

    probability: float
    interval_95: tuple[float, float]
    category: RiskCategory
    threshold: float
    calibrated: bool
    classifier: Classifier
    missing_clinical: tuple[str, ...]
    left_out_auc: float | None = None


@dataclass(frozen=True, eq=False)
class RegistrationOutcome:
    """How one sequence was aligned to the hepatobiliary phase.

    Parameters
    ----------
    transform_lps_mm
        4 x 4 rigid matrix; maps a point of the hepatobiliary phase to the same tissue in the sequence.
    translation_mm
        Displacement of the centre of the hepatobiliary grid, LPS, mm.
    rotation_deg
        Euler angles about x, y, z, degrees.
    metric
        Final negated mutual information of elastix; lower is better.
    metric_before
        The same metric without registration.
    metric_mirrored
        The same metric, had the sequence shown the patient mirrored: the best of left-right, front-back and
        head-foot, after the rigid step. 0 where that has too little in common with the hepatobiliary phase.
    metric_displaced
        The same metric after the rigid step, the patient moved by 4 mm in plane: the mean of left, right, front
        and back. What fits in its details loses much by that, what fits in its outline loses little. 0: not
        measured.
    overlap
        Share of the body in the hepatobiliary phase that the sequence covers after the rigid step.
    deformation
        Applied to a point of the hepatobiliary phase before the matrix; None where the registration is rigid.
    """

    transform_lps_mm: FloatArray
    translation_mm: tuple[float, float, float]
    rotation_deg: tuple[float, float, float]
    metric: float
    metric_before: float
    metric_mirrored: float = 0.0
    metric_displaced: float = 0.0
    overlap: float = 1.0
    deformation: Deformation | None = None


@dataclass(frozen=True)
class GateOutcome:
    """One quality gate: what was measured and what the bundle allows."""

    gate: str
    passed: bool
    value: float
    limit: float
    message: str = ""


@dataclass(frozen=True)
class FeatureEvidence:
    """The radiomics features behind a risk.

    Parameters
    ----------
    count
        Number of features.
    sha256
        Over the names and the float64 values, in their fixed order.
    contributions
        Share of the risk by (role, region), signed, for the summary page.
    """

    count: int
    sha256: str
    contributions: Mapping[tuple[Role, str], float]


@dataclass(frozen=True)
class ModelIdentity:
    """Which model made a result."""

    name: str
    version: str
    sha256: str
    intended_use: str


@dataclass(frozen=True, eq=False)
class Analysis:
    """Everything that a result is written from.

    Parameters
    ----------
    liver_map
        1 inside the liver, tumours included; grid of the original hepatobiliary series.
    lesion_map
        n inside lesion n; same grid.
    margin_map
        n inside the margin of lesion n, outside every lesion; same grid.
    lesions
        By falling volume; empty where no tumour was found.
    risk
        None exactly where no tumour was found.
    registrations
        For the five moving sequences.
    registered
        The six sequences on the working grid, for pictures.
    features
        None exactly where no tumour was found.
    gates
        All quality gates, all passed (a failed gate raises).
    clinical_used
        The clinical values that entered the risk, tumour size (``tumour_size_mm``) included.
    model
        The model bundle.
    timing_s
        Seconds by stage.
    warnings
        Sentences for the reader of the report.
    """

    liver_map: LabelMap
    lesion_map: LabelMap
    margin_map: LabelMap
    lesions: tuple[Lesion, ...]
    risk: Risk | None
    registrations: Mapping[Role, RegistrationOutcome]
    registered: Mapping[Role, Volume]
    features: FeatureEvidence | None
    gates: tuple[GateOutcome, ...]
    clinical_used: Mapping[str, float]
    model: ModelIdentity
    timing_s: Mapping[str, float]
    warnings: tuple[str, ...] = ()


ANALYTE_UNITS: Mapping[Analyte, str] = {
    Analyte.AST: "U/L",
    Analyte.GGT: "U/L",
    Analyte.TOTAL_PROTEIN: "g/L",
    Analyte.LYMPHOCYTE_RATIO: "%",
    Analyte.FIBRINOGEN: "g/L",
    Analyte.HBCAB: "1",
}
