"""What a node must answer to a phantom study, and how far it may be from the planted truth."""

from dataclasses import dataclass, field

from node.simulation.staging import StagedStudy

OUTPUTS = ("seg", "sr", "summary")
"""Kinds of result objects, in the order in which the node sends them."""
QUALITY_GATE = "QG-"
"""With which the codes of refusals begin that are about the analysis and not about the series."""


@dataclass(frozen=True)
class Tolerance:
    """How exact the answers must be.

    Parameters
    ----------
    least_dice
        Of the segmented tumour with the planted one.
    farthest_centroid_mm
        Between the two, mm.
    any_model
        Whether the model of the node need not know phantoms: the tumour is then not compared, and a refusal by a
        quality gate is as good an answer as an analysis.
    """

    least_dice: float = 0.6
    farthest_centroid_mm: float = 10.0
    any_model: bool = False


@dataclass(frozen=True)
class Expectation:
    """What must come back for one study.

    Parameters
    ----------
    code
        Of the refusal; None where the study must be analysed.
    first_code
        Of a refusal that must come before, and be replaced; None where there is one answer.
    roles
        Series Instance UID by role.
    sources
        SOP Instance UIDs of all that fills a role.
    images
        How many instances the node must acknowledge.
    outputs
        Which kinds of objects the node sends to this peer.
    """

    patient_id: str
    code: str | None
    roles: dict[str, str]
    sources: frozenset[str]
    images: int
    outputs: tuple[str, ...] = OUTPUTS
    tolerance: Tolerance = field(default_factory=Tolerance)
    first_code: str | None = None

    def kinds(self, *, refused: bool) -> tuple[str, ...]:
        """Return the objects of an answer: a refusal has no segmentation."""
        return tuple(kind for kind in self.outputs if not (refused and kind == "seg"))


def expectation_of(study: StagedStudy, images: int, outputs: tuple[str, ...], tolerance: Tolerance) -> Expectation:
    """Take the expectation from the truth of a study.

    Parameters
    ----------
    images
        How many instances are sent.
    """
    roles = study.truth["roles"]
    return Expectation(
        patient_id=study.patient_id,
        code=study.code,
        roles={role: entry["series_instance_uid"] for role, entry in roles.items()},
        sources=frozenset(uid for entry in roles.values() for uid in entry["sop_instance_uids"]),
        images=images,
        outputs=outputs,
        tolerance=tolerance,
        first_code=study.play.first_code,
    )
