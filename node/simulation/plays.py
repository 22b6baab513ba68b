"""The ways in which studies reach a node from a scanner."""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from random import Random

from node.simulation.play import Play, StudyFiles, Transfer, Wave, When

ASSOCIATIONS = 3
"""Side by side, as a scanner opens them that sends each series as it is reconstructed."""
GAP = 2
"""Slices that are missing from the middle of a series."""
STALL_S = 3.0
"""Silence of an association that hangs, s; well below every network time-out."""
SINGLE_FRAME = ("ge", "siemens", "philips", "uih", "canon", "toshiba", "unknown")


def in_order(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Send one study as it was acquired, on one association."""
    (study,) = studies
    return (_alone(*study.paths),)


def shuffled(studies: Sequence[StudyFiles], chance: Random) -> tuple[Wave, ...]:
    """Send the instances of all series in any order."""
    (study,) = studies
    return (_alone(*chance.sample(study.paths, len(study.paths))),)


def side_by_side(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Deal the instances out to associations, so that every series is split between them."""
    (study,) = studies
    shares = (study.paths[number::ASSOCIATIONS] for number in range(ASSOCIATIONS))
    return (Wave(tuple(Transfer(share) for share in shares if share)),)


def late_phase(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Send the hepatobiliary phase on an association of its own, after a pause."""
    (study,) = studies
    late = study.of_role("T1_HEPATOBILIARY")
    return (_alone(*study.without(*late)), Wave((Transfer(late),), When.LATE))


def with_gap(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Leave slices in the middle of the portal venous phase unsent."""
    (study,) = studies
    series = study.of_role("T1_PORTAL")
    middle = len(series) // 2
    return (_alone(*study.without(*series[middle : middle + GAP])),)


def twice(studies: Sequence[StudyFiles], chance: Random) -> tuple[Wave, ...]:
    """Send the same bytes again on a second association, in another order."""
    (study,) = studies
    return (_alone(*study.paths), _alone(*chance.sample(study.paths, len(study.paths))))


def again_when_answered(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Send the same bytes again when the results are there."""
    (study,) = studies
    return (_alone(*study.paths), Wave((Transfer(study.paths),), When.ANSWERED))


def completed_when_answered(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Send the T2 series when the study was refused without it."""
    (study,) = studies
    late = study.of_role("T2")
    return (_alone(*study.without(*late)), Wave((Transfer(late),), When.ANSWERED))


def interleaved(studies: Sequence[StudyFiles], _chance: Random) -> tuple[Wave, ...]:
    """Send an instance of each study in turn, on one association."""
    turns = zip_longest(*(study.paths for study in studies))
    return (_alone(*(path for path in chain.from_iterable(turns) if path is not None)),)


def aborted(studies: Sequence[StudyFiles], chance: Random) -> tuple[Wave, ...]:
    """Abort the association on the way, and send the whole study again."""
    (study,) = studies
    after = chance.randrange(1, len(study.paths))
    return (Wave((Transfer(study.paths, abort_after=after),)), _alone(*study.paths))


def stalled(studies: Sequence[StudyFiles], chance: Random) -> tuple[Wave, ...]:
    """Let an association hang in the middle while another sends the whole study."""
    (study,) = studies
    after = chance.randrange(1, len(study.paths))
    return (Wave((Transfer(study.paths, abort_after=after, stall_s=STALL_S), Transfer(study.paths))),)


def _alone(*paths: Path) -> Wave:
    return Wave((Transfer(paths),))


_TABLE = (
    Play("in-order", "series by series on one association", in_order),
    Play("out-of-order", "the images of all series in any order", shuffled),
    Play("several-associations", "every series split between three associations side by side", side_by_side),
    Play("late-hepatobiliary", "the hepatobiliary phase comes after a pause (--pause)", late_phase),
    Play("resend", "the same bytes a second time: one result", twice),
    Play("two-patients", "the images of two patients in turn on one association", interleaved, patients=2),
    Play("aborted", "the association is aborted on the way, then all is sent again", aborted),
    Play("stalled", "one association hangs and is aborted while another sends the study", stalled),
    Play(
        "missing-slices", "two slices of a phase never come", with_gap, code="SM-INCOMPLETE", vendors=SINGLE_FRAME
    ),
    Play("missing-series", "the T2 series never comes", in_order, phantom="missing-t2"),
    Play("split-series", "the slices of a phase are spread over two series", in_order, phantom="split-series"),
    # The last two wait for an answer before they go on, and those before them are answered meanwhile.
    Play("resend-later", "the same bytes again after the result: no other one", again_when_answered),
    Play(
        "completed-later",
        "the T2 series comes after the refusal for want of it, which is then replaced",
        completed_when_answered,
        first_code="SM-MISSING-T2",
    ),
)

PLAYS: Mapping[str, Play] = {play.name: play for play in _TABLE}
"""By name."""


def play_of_phantom(name: str, summary: str) -> Play:
    """Return the play that sends a scenario of `mvi-node phantom` in order."""
    return Play(name, summary, in_order, phantom=name)
