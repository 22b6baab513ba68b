"""Compare what came back for one study with what was expected: every difference is a check that is not passed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.simulation.expectation import QUALITY_GATE, Expectation

if TYPE_CHECKING:
    from dicom_io.acceptance.received import ReceivedObject
    from dicom_io.acceptance.report_facts import ReportFacts

ANALYSED = "analysed"
NO_REPORT = "no report"


@dataclass(frozen=True)
class Returned:
    """One object that came back.

    Parameters
    ----------
    path
        Where it lies.
    times
        How often it came.
    is_committed
        Whether the node asked for storage commitment and got it.
    """

    content: "ReceivedObject"
    path: Path
    times: int = 1
    is_committed: bool = True


@dataclass(frozen=True)
class Check:
    """One comparison, in words for a table; what was found may hold text from the network."""

    name: str
    expected: str
    found: str
    passed: bool


def compare(expected: Expectation, taken: int, returned: Sequence[Returned]) -> list[Check]:
    """Return every check of one study.

    Parameters
    ----------
    taken
        Instances that the node acknowledged.
    returned
        All that came back for the study, in the order in which it came.
    """
    report = final_report(returned)
    checks = [
        Check("images", f"{expected.images} acknowledged", str(taken), taken == expected.images),
        *_first_answer(expected, returned),
        _answer(expected, report),
        *_objects(expected, report, returned),
        *_faults(returned),
        _patient(expected, returned),
    ]
    if report is not None and not report.is_refusal:
        checks += [_roles(expected, report), _sources(expected, report), *_reference(expected, report, returned)]
        if expected.code is None:
            checks += _findings(expected, report, returned)
    return checks


def final_report(returned: Sequence[Returned]) -> "ReportFacts | None":
    """Return the last readable report."""
    reports = [item.content.report for item in returned if item.content.report is not None]
    return reports[-1] if reports else None


def answer_of(report: "ReportFacts | None") -> str:
    """Return the answer in a word: analysed, a refusal code, or that there is none."""
    if report is None:
        return NO_REPORT
    return report.code or ANALYSED


def _answer(expected: Expectation, report: "ReportFacts | None") -> Check:
    wanted, found = expected.code or ANALYSED, answer_of(report)
    allowed = expected.tolerance.any_model and expected.code is None
    passed = found == wanted or (allowed and found.startswith(QUALITY_GATE))
    return Check("answer", f"{wanted} or {QUALITY_GATE}*" if allowed else wanted, found, passed)


def _first_answer(expected: Expectation, returned: Sequence[Returned]) -> Iterator[Check]:
    """Check that the refusal of the incomplete study came, and that the last report says that it replaces it."""
    if expected.first_code is None:
        return
    reports = [item.content for item in returned if item.content.report is not None]
    found = answer_of(reports[0].report) if reports else NO_REPORT
    yield Check("first answer", expected.first_code, found, found == expected.first_code)
    last = reports[-1].report if reports else None
    replaced = last is not None and reports[0].sop_instance_uid in last.replaces
    yield Check("replacement", "names the first report", "yes" if replaced else "no", replaced)


def _objects(expected: Expectation, report: "ReportFacts | None", returned: Sequence[Returned]) -> Iterator[Check]:
    # By the answer that came: another one is a fault of its own.
    refused = expected.code is not None if report is None else report.is_refusal
    first = () if expected.first_code is None else expected.kinds(refused=True)
    wanted = Counter([*first, *expected.kinds(refused=refused)])
    found = Counter(item.content.kind for item in returned)
    yield Check("objects", _counted(wanted), _counted(found), wanted == found)
    again = [f"{item.content.kind} {item.times} times" for item in returned if item.times > 1]
    yield Check("sent once", "each object once", ", ".join(again) or "each object once", not again)


def _faults(returned: Sequence[Returned]) -> Iterator[Check]:
    for item in returned:
        if item.content.fault:
            yield Check(item.content.kind, "readable", item.content.fault, passed=False)


def _patient(expected: Expectation, returned: Sequence[Returned]) -> Check:
    found = sorted({item.content.patient_id for item in returned})
    passed = all(patient_id == expected.patient_id for patient_id in found)
    return Check("patient", expected.patient_id, ", ".join(found) or "nothing came", passed)


def _roles(expected: Expectation, report: "ReportFacts") -> Check:
    wrong = sorted(
        role
        for role in expected.roles.keys() | report.roles.keys()
        if expected.roles.get(role) != report.roles.get(role)
    )
    right = f"{len(expected.roles)} as planted"
    return Check("roles", right, f"not as planted: {', '.join(wrong)}" if wrong else right, not wrong)


def _sources(expected: Expectation, report: "ReportFacts") -> Check:
    """Compare the evidence: it also tells whether a role took every slice, and no other."""
    found = report.sources
    missing, foreign = len(expected.sources - found), len(found - expected.sources)
    words = f"{missing} missing, {foreign} of no role" if missing or foreign else f"{len(found)} images"
    return Check("sources", f"{len(expected.sources)} images", words, not missing and not foreign)


def _reference(expected: Expectation, report: "ReportFacts", returned: Sequence[Returned]) -> Iterator[Check]:
    """Check that the report means the SEG that came, where one is sent to us."""
    if "seg" in expected.outputs:
        came = {item.content.sop_instance_uid for item in returned if item.content.kind == "seg"}
        right = bool(came) and report.segmentations == came
        yield Check("reference", "the SEG that came", "so it is" if right else "another or none", right)


def _findings(expected: Expectation, report: "ReportFacts", returned: Sequence[Returned]) -> Iterator[Check]:
    tolerance = expected.tolerance
    if tolerance.any_model:
        return
    risk = report.risk
    shown = "absent" if risk is None else f"{risk:.3f}"
    yield Check("risk", "0 to 1", shown, risk is not None and 0 <= risk <= 1)
    if "seg" not in expected.outputs:
        return
    overlap = next((item.content.overlap for item in reversed(returned) if item.content.overlap), None)
    dice, centroid = (None, None) if overlap is None else (overlap.dice, overlap.centroid_mm)
    good = dice is not None and dice >= tolerance.least_dice
    yield Check("tumour", f"Dice {tolerance.least_dice:.2f} or more", _number(dice, ".2f"), good)
    near = centroid is not None and centroid <= tolerance.farthest_centroid_mm
    limit = f"centroid within {tolerance.farthest_centroid_mm:.0f} mm"
    yield Check("place", limit, _number(centroid, ".1f", " mm"), near)


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "absent" if value is None else f"{value:{form}}{unit}"


def _counted(kinds: "Counter[str]") -> str:
    return (
        ", ".join(kind if number == 1 else f"{kind} x{number}" for kind, number in sorted(kinds.items())) or "none"
    )
