"""Series matching: which instances of a study fill which role, and why, or why not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from config.series_rules import SeriesRules
from dicom_io.assembly.agents import agent_objection, unknown_agents
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.candidates import UNREADABLE, Sorted, sort_study
from dicom_io.assembly.copies import without_copies
from dicom_io.assembly.decision import Decision, decide
from dicom_io.assembly.explanation import runner_up
from dicom_io.assembly.left_over import not_chosen
from dicom_io.assembly.lexicon import Lexicon
from dicom_io.assembly.match_result import MatchResult, Moment, RoleMatch
from dicom_io.assembly.overrides import Override, in_force, place
from dicom_io.assembly.passages import passages
from dicom_io.assembly.patients import patient_objection, patient_warnings
from dicom_io.assembly.refusals import ROLE_WORDS, Refusal, refuse
from dicom_io.assembly.scan_result import ScanResult
from dicom_io.assembly.scoring import Scored
from dicom_io.assembly.shortage import NO_B_VALUE, lacks_b_values, near_misses
from dicom_io.assembly.unreadable import closed_objection, stray_warnings
from pipeline.study import Role

_SHOWN = 3
"""Series or reasons named in a refusal; all of them stand among the rejected."""

FILLED, AMBIGUOUS, EMPTY = "filled", "ambiguous", "empty"


def match_studies(
    scan: ScanResult, rules: SeriesRules, overrides: Mapping[str, Sequence[Override]] | None = None
) -> list[MatchResult]:
    """Match every study of a scan on its own.

    Parameters
    ----------
    scan
        Facts of any number of studies.
    rules
        Weights, windows and lexicon.
    overrides
        What people assigned, by StudyInstanceUID.

    Returns
    -------
    list[MatchResult]
        One for each StudyInstanceUID, in their order.
    """
    lexicon, assigned = Lexicon(rules), overrides or {}
    return [_match(uid, part, rules, lexicon, assigned.get(uid, ())) for uid, part in scan.by_study().items()]


def sort_and_decide(
    scan: ScanResult, rules: SeriesRules, lexicon: Lexicon, overrides: Sequence[Override] = ()
) -> tuple[Sorted, Decision]:
    """Sort the sub-volumes of one study and choose from them, around what people assigned."""
    held = in_force(overrides)
    found = without_copies(scan)
    study = sort_study(found.scan, rules, lexicon, lambda stack: any(item.names(stack) for item in held))
    study = replace(study, rejected=(*study.rejected, *found.left_out))
    study, placed = place(study, held, rules)
    return study, decide(study, rules, placed)


def objection_to(scan: ScanResult, rules: SeriesRules, overrides: Sequence[Override]) -> Refusal | None:
    """Return why overrides of one study would be for nothing, before they are entered; None where they count."""
    study, decision = sort_and_decide(scan, rules, Lexicon(rules), overrides)
    return _whole_study(scan, study, decision.choices) or decision.impossible


def role_status(scan: ScanResult, rules: SeriesRules) -> Mapping[Role, str]:
    """Return for each role whether the instances so far fill it: ``filled``, ``ambiguous`` or ``empty``.

    Parameters
    ----------
    scan
        Facts of one study, which may still be arriving.
    rules
        Weights, windows and lexicon.
    """
    return status_of_roles(sort_and_decide(scan, rules, Lexicon(rules))[1])


def status_of_roles(decision: Decision) -> Mapping[Role, str]:
    """Return for each role whether a decision fills it."""
    return {role: _status(role, decision) for role in Role}


def _status(role: Role, decision: Decision) -> str:
    choice = decision.choices.get(role)
    # A phase with slices still missing is not there yet.
    if choice is None or choice.candidate.defect is not None:
        return EMPTY
    return AMBIGUOUS if role in decision.ambiguous else FILLED


def _match(
    study_instance_uid: str,
    scan: ScanResult,
    rules: SeriesRules,
    lexicon: Lexicon,
    overrides: Sequence[Override],
) -> MatchResult:
    study, decision = sort_and_decide(scan, rules, lexicon, overrides)
    refusal = _whole_study(scan, study, decision.choices) or _with_what_is_there(decision, study, scan, rules)
    roles = {role: _role_match(role, choice, decision, rules) for role, choice in decision.choices.items()}
    if refusal is None:
        roles |= {role: _beside_others(roles[role], decision, study, rules) for role in DYNAMIC_ROLES}
    return MatchResult(
        study_instance_uid=study_instance_uid,
        status="accepted" if refusal is None else "refused",
        code=None if refusal is None else refusal.code,
        message="All six sequences were found." if refusal is None else refusal.message,
        remedy="" if refusal is None else refusal.remedy,
        roles=roles,
        rejected=(*study.rejected, *not_chosen(study, decision, rules)),
        clock_source=None if decision.clock is None else decision.clock.source,
        t0=_injection(decision),
        warnings=(
            *(item.sentence for item in overrides),
            *_spoken_against(study, decision),
            *unknown_agents(decision.choices),
            *patient_warnings(scan.frames),
            *stray_warnings(scan),
        ),
        rules_version=rules.label,
    )


def _spoken_against(study: Sorted, decision: Decision) -> Iterator[str]:
    """Yield what the descriptions say of choices that a person made against them."""
    for role, choice in decision.choices.items():
        verdict = study.verdicts.get(choice.subvolume)
        if verdict is not None:
            yield f"Assigned against the rules, the {ROLE_WORDS[role]} is {verdict.because} ({verdict.code})."


def _with_what_is_there(decision: Decision, study: Sorted, scan: ScanResult, rules: SeriesRules) -> Refusal | None:
    """Add to a refusal for lack of a series or a slice what cannot be read, and what was there and not taken."""
    refusal = decision.refusal
    if refusal is None or not refusal.code.startswith(("SM-MISSING", "SM-NOHBP", "SM-INCOMPLETE")):
        return refusal
    lost = stray_warnings(scan)
    if refusal.code == "SM-INCOMPLETE":
        return replace(refusal, message=" ".join((refusal.message, *lost)))
    unreadable = [entry for entry in study.rejected if entry.code == UNREADABLE and entry.series_instance_uid]
    said = [
        f"Series {'without number' if entry.series_number is None else entry.series_number}: {entry.because}."
        for entry in unreadable
    ]
    if decision.choices:
        missing = [role for role in Role if role not in decision.choices]
        said += near_misses(study, missing, rules)
        if missing[:1] == [Role.DWI] and lacks_b_values(study):
            refusal = replace(refusal, remedy=NO_B_VALUE)
    else:
        reasons = Counter(entry.because for entry in study.rejected if entry not in unreadable)
        said += [f"Not used: {because} ({number} x)." for because, number in reasons.most_common(_SHOWN)]
    return replace(refusal, message=" ".join((refusal.message, *said[:_SHOWN], *lost)))


def _injection(decision: Decision) -> str:
    if decision.timing is None:
        return "unknown"
    return "measured" if decision.timing.measured else "estimated"


def _whole_study(scan: ScanResult, study: Sorted, choices: Mapping[Role, Scored]) -> Refusal | None:
    """Return a refusal that no choice of series could cure."""
    stranger = patient_objection(scan.frames)
    if stranger is not None:
        return stranger
    everything = (*study.live, *(candidate for candidate, _ in study.set_aside))
    agent = agent_objection(study.t1, choices, everything)
    if agent is not None:
        return agent
    closed = closed_objection(scan)
    if closed is not None:
        return closed
    if not scan.frames:
        return refuse(f"SM-MISSING-{Role.T2}", "The study holds no readable MR image.")
    return None


def _role_match(role: Role, choice: Scored, decision: Decision, rules: SeriesRules) -> RoleMatch:
    frames = choice.subvolume.frames
    several = frames[0].frame_count > 1
    numbers = tuple(frame.frame_number or 1 for frame in frames)
    in_stored_order = len(numbers) == frames[0].frame_count and list(numbers) == sorted(numbers)
    series, rival = choice.subvolume.series, decision.rivals.get(role)
    return RoleMatch(
        role=role,
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.description,
        instances=(frames[0].instance,) if several else tuple(frame.instance for frame in frames),
        frame_numbers=numbers if several and not in_stored_order else None,
        score=choice.score,
        runner_up=None if rival is None else runner_up(role, rival, decision.choices, decision.timing, rules),
        evidence=choice.evidence,
        sub_volume=choice.subvolume.label,
        key=choice.subvolume.key,
        moment=_moment(role, choice, decision),
        step_mm=choice.subvolume.spacing.step_mm,
        assigned=choice.assigned,
        agent=choice.candidate.agent,
    )


def _beside_others(match: RoleMatch, decision: Decision, study: Sorted, rules: SeriesRules) -> RoleMatch:
    """Add the stacks that only pixels can tell from the chosen one."""
    choice = decision.choices[match.role]
    others = passages(match.role, choice, decision.choices, study.t1, decision.clock, rules)
    return replace(match, others=others)


def _moment(role: Role, choice: Scored, decision: Decision) -> Moment | None:
    if decision.timing is None or role not in DYNAMIC_ROLES:
        return None
    clock = decision.timing.clock
    return Moment(round(clock.instants_s[choice.subvolume] - decision.timing.injection_s, 1), clock.source)
