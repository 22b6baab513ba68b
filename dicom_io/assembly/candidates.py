"""One study's frames to candidates: split, reject with a code, and know each one's surroundings."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import Candidate
from dicom_io.assembly.completeness import SeriesSizes, shortfall
from dicom_io.assembly.defects import defect
from dicom_io.assembly.facts import FrameFacts
from dicom_io.assembly.gates import t1_physics
from dicom_io.assembly.grids import Grids
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.match_result import RejectedSubVolume
from dicom_io.assembly.rejects import reject
from dicom_io.assembly.scan_result import OtherInstance, ScanResult, UnreadableFile
from dicom_io.assembly.subvolumes import SubVolume, split_series
from dicom_io.assembly.surroundings import (
    acquired_b_values,
    names_of_the_examination,
    surroundings,
    without_text,
)
from dicom_io.assembly.unreadable import damage_of_series, shown
from dicom_io.assembly.verdicts import UNSUPPORTED, Verdict

UNREADABLE = "UNREADABLE"
"""Code of files that give no image."""


@dataclass(frozen=True)
class Sorted:
    """The sub-volumes of a study.

    Parameters
    ----------
    live
        Those that may fill a role.
    t1
        The live ones that are spoiled 3D gradient echoes, hence possible phases of contrast.
    rejected
        The rest, each with a code and a sentence.
    unsupported
        Rejected ones that would be live if this software could read their encapsulation.
    verdicts
        Every sub-volume, with what rejects it: of a live one, what its description alone would reject it for.
    set_aside
        The rejected ones as candidates, with what rejects them: what a role that stays empty might have held.
    """

    live: tuple[Candidate, ...]
    t1: tuple[Candidate, ...]
    rejected: tuple[RejectedSubVolume, ...]
    unsupported: tuple[Candidate, ...] = ()
    verdicts: Mapping[SubVolume, Verdict | None] = field(default_factory=dict)
    set_aside: tuple[tuple[Candidate, Verdict], ...] = ()


def sort_study(
    scan: ScanResult,
    rules: SeriesRules,
    lexicon: Lexicon,
    vouched: Callable[[SubVolume], bool] = lambda _subvolume: False,
) -> Sorted:
    """Split the series of one study and set aside what can fill no role.

    Parameters
    ----------
    scan
        Facts of one study.
    rules
        Limits.
    lexicon
        Compiled from the same rules.
    vouched
        Tells of which sub-volumes a person knows better than their descriptions: these alone reject none of them.
    """
    damaged, acquired = damage_of_series(scan), acquired_b_values(scan.frames)
    examination = names_of_the_examination(scan.frames)
    live: list[Candidate] = []
    rejected: list[RejectedSubVolume] = []
    unsupported: list[Candidate] = []
    set_aside: list[tuple[Candidate, Verdict]] = []
    verdicts: dict[SubVolume, Verdict | None] = {}
    for frames in _by_series(scan.frames):
        stacks = split_series(frames)
        damage = damaged.get(frames[0].series.series_instance_uid, "")
        for stack, around in zip(
            stacks, surroundings(stacks, lexicon, damage, acquired, examination), strict=True
        ):
            verdict = verdicts[stack] = reject(stack, around, rules)
            if verdict is not None and vouched(stack):
                verdict = reject(stack, without_text(stack, around), rules)
                verdicts[stack] = verdict or verdicts[stack]
            agent = lexicon.agent(stack.physics.agent)
            word, place = _other_agent(stack, lexicon)
            candidate = Candidate(stack, around, defect(stack, around, rules), agent, word, place)
            if verdict is None:
                live.append(candidate)
                continue
            rejected.append(rejection(stack, verdict))
            set_aside.append((candidate, verdict))
            # Of another body part, no other way of storing it would help.
            if verdict.code == UNSUPPORTED and stack.physics.body_part not in rules.anatomy.other_body_parts:
                unsupported.append(candidate)
    judged = _among_siblings(live, scan.frames, rules)
    t1 = _phases(judged, rules)
    # The planes of a localizer are rejected one by one, in the same words.
    found = tuple(dict.fromkeys((*rejected, *_not_images(scan))))
    return Sorted(judged, t1, found, tuple(unsupported), verdicts, tuple(set_aside))


def rejection(subvolume: SubVolume, verdict: Verdict) -> RejectedSubVolume:
    """Return the record of a sub-volume that fills no role."""
    series = subvolume.series
    return RejectedSubVolume(
        series_instance_uid=series.series_instance_uid,
        sub_volume=subvolume.label,
        code=verdict.code,
        because=verdict.because,
        series_number=series.series_number,
        series_description=series.description,
        tag=verdict.tag,
        value=verdict.value,
        rule=verdict.rule,
        key=subvolume.key,
    )


def _other_agent(stack: SubVolume, lexicon: Lexicon) -> tuple[str, str]:
    """Return the word for another agent than gadoxetate in what was typed, and where it stands; empty without."""
    comments = sorted({frame.comments for frame in stack.frames if frame.comments})
    places = (
        ("its description or protocol", f"{stack.physics.agent} | {stack.series.search_text}"),
        *stack.series.orders,
        *(("Image Comments (0020,4000)", text) for text in comments),
    )
    return next(((word, place) for place, text in places if (word := lexicon.other_agent(text))), ("", ""))


def _by_series(frames: Sequence[FrameFacts]) -> list[list[FrameFacts]]:
    series: dict[str, list[FrameFacts]] = defaultdict(list)
    for frame in frames:
        series[frame.series.series_instance_uid].append(frame)
    return sorted(
        series.values(),
        key=lambda found: (found[0].series.series_number or 0, found[0].series.series_instance_uid),
    )


def _phases(live: Sequence[Candidate], rules: SeriesRules) -> tuple[Candidate, ...]:
    return tuple(candidate for candidate in live if t1_physics(candidate, rules) > 0)


def _among_siblings(
    live: Sequence[Candidate], frames: Sequence[FrameFacts], rules: SeriesRules
) -> tuple[Candidate, ...]:
    """Judge each candidate by those on its grid: how many there are, and whether it has as many slices as they."""
    grids = Grids((candidate.subvolume for candidate in _phases(live, rules)), rules)
    sizes = SeriesSizes(frames)
    return tuple(
        replace(
            candidate,
            defect=candidate.defect or shortfall(candidate, grids, sizes, rules),
            grid_siblings=grids.siblings(candidate.subvolume),
        )
        for candidate in live
    )


def _not_images(scan: ScanResult) -> list[RejectedSubVolume]:
    others: dict[str, list[OtherInstance]] = defaultdict(list)
    for other in scan.others:
        others[other.series_instance_uid].append(other)
    damaged: dict[str, list[UnreadableFile]] = defaultdict(list)
    for file in scan.unreadable:
        if file.series_instance_uid:
            damaged[file.series_instance_uid].append(file)
    return [
        RejectedSubVolume(uid, "", "NOT-MR", f"{len(found)} object(s) that are no MR images")
        for uid, found in others.items()
    ] + [
        RejectedSubVolume(
            series_instance_uid=uid,
            sub_volume="",
            code=UNREADABLE,
            because=f"{len(found)} file(s) cannot be used, the first {shown(found[0])}: {found[0].reason}",
            series_number=found[0].series_number,
            series_description=found[0].series_description,
        )
        for uid, found in damaged.items()
    ]
