"""The outcome as rows of text, for the terminal and for the report."""

from collections.abc import Iterator

from node.simulation.verdict import Acceptance

COLUMNS = (
    "#", "vendor", "scenario", "expected", "answered", "objects", "Dice", "centroid", "risk", "roles", "time",
    "verdict",
)  # fmt: skip
SENT_COLUMNS = ("#", "Patient ID", "Study Instance UID", "what it is")
DIFFERENCE_COLUMNS = ("#", "patient", "check", "expected", "found")


def rows(acceptance: Acceptance) -> Iterator[tuple[str, ...]]:
    """Return a row for each study; what came from the network is text of any content."""
    for number, study in enumerate(acceptance.studies, 1):
        document = study.document()
        right = sum(document["roles"].values())
        yield (
            str(number),
            study.vendor,
            study.scenario,
            document["expected"],
            document["answered"],
            ", ".join(item["kind"] for item in document["objects"]) or "none",
            _number(document["dice"], ".2f"),
            _number(document["centroid_mm"], ".1f", " mm"),
            _number(document["risk"], ".2f"),
            f"{right} of {len(study.expected.roles)}" if document["roles"] else "",
            _number(document["seconds"], ".0f", " s"),
            "pass" if study.passed else "FAIL",
        )


def sent(acceptance: Acceptance) -> Iterator[tuple[str, ...]]:
    """Return a row for each study, by which a site finds it and deletes it."""
    for number, study in enumerate(acceptance.studies, 1):
        yield str(number), study.expected.patient_id, study.study_instance_uid, study.summary


def differences(acceptance: Acceptance) -> Iterator[tuple[str, ...]]:
    """Return a row for each check that is not passed, and for each answer to an image that was not taken."""
    for number, study in enumerate(acceptance.studies, 1):
        for check in study.checks:
            if not check.passed:
                yield str(number), study.expected.patient_id, check.name, check.expected, check.found
        for problem in study.problems:
            yield str(number), study.expected.patient_id, "sending", "each image taken", problem


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "" if value is None else f"{value:{form}}{unit}"
