"""Why one candidate was taken before another, in words, and which rule would turn it."""

from collections.abc import Mapping

from config.series_rules import SeriesRules
from dicom_io.assembly.assignment import conflict
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Timing
from dicom_io.assembly.match_result import Evidence, RunnerUp
from dicom_io.assembly.preferences import equivalent
from dicom_io.assembly.refusals import ROLE_WORDS
from dicom_io.assembly.scoring import Scored
from pipeline.study import Role

_OBSTACLES = {
    "SM-FOR": "it lies in another frame of reference than",
    "SM-GEOM": "its grid or coverage does not fit",
    "SM-ORDER": "it would break the order with",
    "SM-GAP": "it would break the interval to",
}

_RULES = {"SM-FOR": "geometry.frame_of_reference", "SM-GEOM": "geometry"}

_MOST_DIFFERENCES = 4


def runner_up(
    role: Role, rival: Scored, choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> RunnerUp:
    """Describe the best candidate of `role` that was not taken."""
    series = rival.subvolume.series
    return RunnerUp(
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.description,
        sub_volume=rival.subvolume.label,
        key=rival.subvolume.key,
        score=rival.score,
        because=why_it_lost(role, rival, choices, timing, rules),
    )


def why_it_lost(
    role: Role, rival: Scored, choices: Mapping[Role, Scored], timing: Timing | None, rules: SeriesRules
) -> str:
    """Say why `rival` does not fill `role`: a defect, a constraint, a preference, or fewer points and which."""
    choice = choices[role]
    if choice.assigned is not None:
        return "another series was assigned by hand"
    if rival.candidate.defect is not None and choice.candidate.defect is None:
        return rival.candidate.defect.because
    if role in DYNAMIC_ROLES and timing is not None:
        found = _obstacle(role, rival, choices, timing, rules)
        if found:
            return found
    if equivalent(role, choice, rival, timing, rules):
        return f"equally right; {_preference(role, rules)}"
    if rival.score == choice.score:
        return f"as many points, {rival.score:g}; {rules.decision.margin:g} less are asked of it (decision.margin)"
    return f"{rival.score:g} points against {choice.score:g}: {_differences(choice, rival)}"


def _obstacle(
    role: Role, rival: Scored, choices: Mapping[Role, Scored], timing: Timing, rules: SeriesRules
) -> str:
    rank = DYNAMIC_ROLES.index
    for other, choice in choices.items():
        if other is role or other not in DYNAMIC_ROLES:
            continue
        ordered = (
            ((other, choice), (role, rival)) if rank(other) < rank(role) else ((role, rival), (other, choice))
        )
        (first, one), (second, two) = ordered
        code = conflict((first, second), (one, two), timing, rules)
        if code is not None:
            rule = _interval_rule(first, second) if code == "SM-GAP" else _RULES.get(code, "")
            return f"{_OBSTACLES[code]} the {ROLE_WORDS[other]} ({', '.join(filter(None, (code, rule)))})"
    return ""


def _interval_rule(first: Role, second: Role) -> str:
    return {
        (Role.T1_ARTERIAL, Role.T1_PORTAL): "time.portal_after_arterial_s",
        (Role.T1_PRE, Role.T1_ARTERIAL): "time.arterial_after_pre_s",
        (Role.T1_ARTERIAL, Role.T1_HEPATOBILIARY): "time.hepatobiliary_after_arterial_s",
    }.get((first, second), "")


def _preference(role: Role, rules: SeriesRules) -> str:
    return {
        Role.T2: "the later repeat is taken",
        Role.DWI: f"b nearest to {rules.diffusion.target_s_per_mm2:g} is taken (diffusion.target_s_per_mm2)",
        Role.T1_PRE: "the last one before contrast is taken",
        Role.T1_ARTERIAL: f"the {rules.time.arterial_pick} one is taken (time.arterial_pick)",
        Role.T1_PORTAL: f"the one nearest to {rules.time.portal_target_s:g} s is taken (time.portal_target_s)",
        Role.T1_HEPATOBILIARY: f"the one nearest to {rules.time.hepatobiliary_target_s:g} s is taken "
        "(time.hepatobiliary_target_s)",
    }[role]


def _differences(choice: Scored, rival: Scored) -> str:
    """Return the reasons in which two candidates differ, the weightiest first."""
    ours, theirs = _by_rule(choice), _by_rule(rival)
    gaps = {
        rule: sum(item.weight for item in ours.get(rule, ())) - sum(item.weight for item in theirs.get(rule, ()))
        for rule in {**ours, **theirs}
    }
    ordered = sorted((rule for rule, gap in gaps.items() if gap), key=lambda rule: -abs(gaps[rule]))
    parts = [f"{rule} {_told(theirs.get(rule, []))} against {_told(ours.get(rule, []))}" for rule in ordered]
    return "; ".join(parts[:_MOST_DIFFERENCES]) or "no difference"


def _by_rule(scored: Scored) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = {}
    for item in scored.evidence:
        found.setdefault(item.rule.split(",")[0], []).append(item)
    return found


def _told(items: list[Evidence]) -> str:
    return " ".join(f"{item.weight:+g} ({item.value})" for item in items) or "none"
