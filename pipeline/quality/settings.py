"""Limits of the quality gates."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
AgentName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]


class GateSettings(BaseModel):
    """Limits of the quality gates; part of the model bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    field_strengths_t: Annotated[tuple[Positive, ...], Field(min_length=1)] | None = None
    """Field strengths of the training cases, T; none: not judged."""
    field_tolerance_t: Annotated[float, Field(ge=0)] = 0.2
    """Distance from the nearest of them that is accepted, T: what is called 3 T is 2.89 T at some vendors, and the
    next field strength in use is much farther."""
    contrast_agents: Annotated[tuple[AgentName, ...], Field(min_length=1)] | None = None
    """Contrast agents of the training cases, such as ``gadoxetate``; none: not judged."""
    minimum_overlap: Share = 0.25
    """Least share of the body in the hepatobiliary phase that each sequence must cover."""
    maximum_displacement_mm: Positive = 60.0
    """Largest movement of the grid centre by a registration, mm."""
    maximum_rotation_deg: Positive = 10.0
    """Largest Euler angle of a registration, degrees."""
    minimum_mutual_information: Annotated[float, Field(ge=0)] = 0.05
    """Least mutual information of a registered sequence and the hepatobiliary phase, nat."""
    maximum_mirrored_likeness: Positive = 0.8
    """Largest mutual information of a registered sequence with its mirror image in place of it, as a share of its
    own; above, its pixels are taken to be mirrored. On phantoms moved by 25 mm and 8 degrees at most: 0.48
    or less where nothing is mirrored (100 series, some cut or with arms), 1.16 or more where one axis is (39);
    among 114 series of a later run, some bent, it reached 0.56."""
    maximum_displaced_likeness: Positive | None = None
    """Largest mutual information of a registered sequence after a further 4 mm in plane, as a share of its own:
    above, it fits in its outline alone and is taken to be another patient's; none: not judged. `cohort train`
    takes it from its own cases. On phantoms, 0.78 or less for the same patient and 0.85 or more for another, see
    EVIDENCE.md of phantom-demo; of patients nothing was measured, so that no number here would fit them."""
    minimum_liver_volume_cm3: Positive = 300.0
    """A smaller liver is taken as a failed segmentation, cm3."""
    minimum_liver_coverage: Share = 0.9
    """Share of the liver that each sequence must cover."""
    minimum_tumour_coverage: Share = 0.99
    """Share of the tumour and its margin that each sequence must cover."""
    maximum_cut_share: Share = 0.35
    """Largest liver area in the first or last slice, as a share of the largest liver area of any slice."""
    minimum_hepatobiliary_ratio: Positive = 1.2
    """Least gain of the liver over the rest of the body from before contrast to the hepatobiliary phase."""
    maximum_lesions: Annotated[int, Field(ge=1)] = 10
    """More components are taken as a failed segmentation."""
    maximum_tumour_share: Share = 0.7
    """Largest share of the liver that may be tumour."""
    maximum_tumour_mm: Positive = 200.0
    """Largest diameter of a lesion, mm; the smallest lesion is `LesionSettings.minimum_volume_mm3`."""
    minimum_tumour_contact: Share = 0.2
    """Share of the voxels around each lesion that must be liver: with less it lies beside the liver."""
    maximum_mahalanobis: Positive | None = None
    """Largest distance from the training cases in the reduced space; none: not judged."""
    maximum_outside_share: Share = 0.2
    """Largest share of features outside the range of the training cases."""
