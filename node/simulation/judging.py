"""Judge one study: read back what came, and compare it with the truth."""

from collections.abc import Mapping
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
    acknowledged_s = [at_s for path, at_s in sent.last_s.items() if path in own]
    seconds = max(item.first_s for item in came) - max(acknowledged_s) if came and acknowledged_s else None
    return StudyVerdict(
        scenario=study.play.name,
        vendor=study.vendor,
        study_instance_uid=study.study_instance_uid,
        expected=expected,
        returned=returned,
        checks=tuple(compare(expected, len(sent.taken & own), returned)),
        seconds=seconds,
        problems=tuple(dict.fromkeys(sent.problems)),
    )


def _returned(arrival: Arrival, label_map: Path) -> Returned:
    from dicom_io.acceptance.received import read_received  # noqa: PLC0415 - numerical

    content = read_received(arrival.path, label_map)
    return Returned(content, arrival.path, arrival.times, arrival.is_committed)
