"""What no role holds, and why: the rest of a study that was matched."""

from collections.abc import Iterator

from config.series_rules import SeriesRules
from dicom_io.assembly.candidate import DYNAMIC_ROLES, Candidate
from dicom_io.assembly.candidates import Sorted, rejection
from dicom_io.assembly.decision import Decision
from dicom_io.assembly.evidence import parameters
from dicom_io.assembly.explanation import why_it_lost
from dicom_io.assembly.gates import PHYSICS
from dicom_io.assembly.match_result import RejectedSubVolume
from dicom_io.assembly.refusals import ROLE_WORDS
from dicom_io.assembly.verdicts import Verdict
from pipeline.study import Role


def not_chosen(study: Sorted, decision: Decision, rules: SeriesRules) -> Iterator[RejectedSubVolume]:
    """Yield every live sub-volume that no role holds, with the reason."""
    taken = {choice.subvolume for choice in decision.choices.values()}
    for candidate in study.live:
        if candidate.subvolume not in taken:
            yield rejection(candidate.subvolume, _reason(candidate, decision, rules))


def _reason(candidate: Candidate, decision: Decision, rules: SeriesRules) -> Verdict:
    if candidate.defect is not None:
        return candidate.defect
    physics = candidate.subvolume.physics
    fitting = [role for role in Role if PHYSICS[role](candidate, rules) > 0]
    if not fitting and physics.b_value_s_per_mm2 is not None:
        low, high = rules.diffusion.b_s_per_mm2
        because = f"b = {physics.b_value_s_per_mm2:g} s/mm2, outside {low:g} to {high:g}"
        shown = f"{physics.b_value_s_per_mm2:g}"
        return Verdict("B-VALUE", because, "(0018,9087)", shown, "diffusion.b_s_per_mm2")
    if not fitting:
        because = "its acquisition parameters fit none of the six sequences"
        return Verdict("NO-ROLE", because, "(0018,0020)", parameters(physics), "physics")
    timing = decision.timing
    if fitting[0] in DYNAMIC_ROLES and timing is not None:
        elapsed = timing.clock.instants_s[candidate.subvolume] - timing.injection_s
        if rules.time.transitional_s[0] <= elapsed < rules.time.transitional_s[1]:
            because = f"{elapsed:.0f} s after the injection, between portal and hepatobiliary phase"
            return Verdict(
                "TRANSITIONAL", because, timing.clock.source, f"{elapsed:+.0f} s", "time.transitional_s"
            )
    filled = [role for role in fitting if role in decision.choices]
    if not filled:
        return Verdict("NO-ROLE", "it fits no role together with the other series")
    rivals = {
        role: item for role in filled for item in decision.pools.get(role, ()) if item.candidate is candidate
    }
    # A T1 volume fits every phase a little; why it is not the one that it is most like is what is asked.
    better = max(rivals, key=lambda role: rivals[role].score, default=filled[0])
    lost = ""
    if better in rivals:
        lost = f": {why_it_lost(better, rivals[better], decision.choices, timing, rules)}"
    number = decision.choices[better].subvolume.series.series_number
    return Verdict("RUNNER-UP", f"series {number} is the {ROLE_WORDS[better]}{lost}", rule="weights")
