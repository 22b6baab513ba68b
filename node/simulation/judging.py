"""Judge one study: read back what came, and compare it with the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.simulation.comparison import Returned, compare
from node.simulation.expectation import Tolerance, expectation_of
from node.simulation.receiver import Arrival
from node.simulation.scanner import Sent
from node.simulation.staging import StagedStudy
from node.simulation.verdict import StudyVerdict


@dataclass(frozen=True)
class Played:
    """One study that was sent.

    Parameters
    ----------
    planned
        Every file that the play sends, of this study and of those beside it.
    sent
        What became of them.
    """

    study: StagedStudy
    planned: frozenset[Path]
    sent: Sent


def judge(
    played: Played, arrivals: Mapping[str, Arrival], outputs: tuple[str, ...], tolerance: Tolerance
) -> StudyVerdict:
    """Compare what came back for a study with its truth.

    Parameters
    ----------
    arrivals
        All that came in the run, in the order in which it came.
    outputs
        Which kinds of objects the node sends to us.
    """
    study, sent = played.study, played.sent
    own = set(study.files.paths)
    came = [item for item in arrivals.values() if item.study_instance_uid == study.study_instance_uid]
    returned = tuple(_returned(arrival, study.label_map) for arrival in came)
    expected = expectation_of(study, len(played.planned & own), outputs, tolerance)
    return StudyVerdict(
        scenario=study.play.name,
        vendor=study.vendor,
        summary=study.play.summary,
        study_instance_uid=study.study_instance_uid,
        expected=expected,
        returned=returned,
        checks=tuple(compare(expected, len(sent.taken & own), returned)),
        seconds=_seconds([at_s for path, at_s in sent.acknowledged if path in own], came),
        problems=tuple(dict.fromkeys(sent.problems)),
    )


def _seconds(acknowledged_s: Sequence[float], came: Sequence[Arrival]) -> float | None:
    """Return how long after the last image the last object came, s; what was sent after that does not count."""
    last_object_s = max((item.first_s for item in came), default=None)
    if last_object_s is None:
        return None
    before_s = [at_s for at_s in acknowledged_s if at_s <= last_object_s]
    return last_object_s - max(before_s) if before_s else None


def _returned(arrival: Arrival, label_map: Path) -> Returned:
    from dicom_io.acceptance.received import read_received  # noqa: PLC0415 - numerical

    content = read_received(arrival.path, label_map)
    return Returned(content, arrival.path, arrival.times, arrival.is_committed)
