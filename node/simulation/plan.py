"""What is played, to whom, and how patiently."""

from dataclasses import dataclass, field

from dicom_io.network.requestor import RemoteAE
from node.simulation.expectation import OUTPUTS, Tolerance
from node.simulation.play import Play
from node.simulation.staging import FULL, PATIENT_PREFIX


@dataclass(frozen=True)
class Plan:
    """What is played, and to whom.

    Parameters
    ----------
    performances
        Plays, each with the vendor whose scanner writes it.
    run
        What tells the patients of this run from those of every other one.
    size
        Of the phantoms: ``full`` or ``small``.
    pause_s
        Before a late hepatobiliary phase, and at the end, to see whether anything comes twice, s.
    wait_s
        Longest silence in which results are waited for, s.
    """

    node: RemoteAE
    own: RemoteAE
    performances: tuple[tuple[Play, str], ...]
    run: str
    seed: int
    size: str = FULL
    pause_s: float = 70.0
    wait_s: float = 7200.0
    outputs: tuple[str, ...] = OUTPUTS
    tolerance: Tolerance = field(default_factory=Tolerance)

    @property
    def patient_prefix(self) -> str:
        """With which the Patient ID of every patient of this run begins."""
        return f"{PATIENT_PREFIX}-{self.run}"
