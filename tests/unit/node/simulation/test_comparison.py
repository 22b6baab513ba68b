"""Whatever a node gets wrong is a check that is not passed, and nothing else is."""

from dataclasses import replace

import pytest

from dicom_io.acceptance.segmentation_facts import Overlap
from node.simulation.comparison import Returned, compare
from node.simulation.expectation import Expectation, Tolerance
from tests.unit.node.simulation.returning import (
    EXPECTED,
    REFUSAL,
    REFUSED,
    REPORT,
    ROLES,
    SOURCES,
    seg,
    sr,
    summary,
)

GOOD = [seg(), sr(), summary()]
SWAPPED = {**ROLES, "T2": ROLES["DWI"], "DWI": ROLES["T2"]}
GATE = replace(REFUSAL, code="QG-LIVER")


def wrong(expected: Expectation, returned: list[Returned], taken: int = 3) -> dict[str, str]:
    return {check.name: check.found for check in compare(expected, taken, returned) if not check.passed}


def test_study_when_answered_as_planted_then_nothing_is_wrong() -> None:
    assert wrong(EXPECTED, GOOD) == {}
    assert wrong(REFUSED, [sr(REFUSAL), summary()]) == {}


@pytest.mark.parametrize(
    ("returned", "names"),
    [
        pytest.param([seg(), sr(replace(REPORT, roles=SWAPPED)), summary()], {"roles"}, id="swapped roles"),
        pytest.param(
            [seg(), sr(replace(REPORT, roles={"T2": ROLES["T2"]})), summary()], {"roles"}, id="roles left out"
        ),
        pytest.param([sr(), summary()], {"objects", "reference", "tumour", "place"}, id="no SEG"),
        pytest.param([seg(sop_instance_uid="9.8"), sr(), summary()], {"reference"}, id="another SEG"),
        pytest.param([seg(), summary()], {"answer", "objects"}, id="no SR"),
        pytest.param([seg(), sr()], {"objects"}, id="no summary"),
        pytest.param([], {"answer", "objects"}, id="nothing"),
        pytest.param([seg(), sr(), sr(uid="9.9"), summary()], {"objects"}, id="a second report"),
        pytest.param([seg(), sr(times=2), summary()], {"sent once"}, id="the same object twice"),
        pytest.param([seg(), sr(patient_id="OTHER"), summary()], {"patient"}, id="another patient"),
        pytest.param([seg(Overlap(0.59, 1.0)), sr(), summary()], {"tumour"}, id="little overlap"),
        pytest.param([seg(Overlap(0.9, 10.1)), sr(), summary()], {"place"}, id="another place"),
        pytest.param([seg(Overlap(0.0, None)), sr(), summary()], {"tumour", "place"}, id="an empty SEG"),
        pytest.param(
            [seg(None, fault="it cannot be read"), sr(), summary()], {"seg", "tumour", "place"}, id="a broken SEG"
        ),
        pytest.param([seg(), sr(replace(REPORT, risk=None)), summary()], {"risk"}, id="no risk"),
        pytest.param([seg(), sr(replace(REPORT, risk=1.01)), summary()], {"risk"}, id="a risk above one"),
        pytest.param(
            [seg(), sr(replace(REPORT, sources=SOURCES - {"1.2.1.1"})), summary()],
            {"sources"},
            id="a slice too few",
        ),
        pytest.param(
            [seg(), sr(replace(REPORT, sources=SOURCES | {"1.2.4.1"})), summary()],
            {"sources"},
            id="a foreign slice",
        ),
        pytest.param([sr(REFUSAL), summary()], {"answer"}, id="refused"),
        pytest.param([sr(GATE), summary()], {"answer"}, id="refused by a gate"),
        pytest.param([seg(), sr(REFUSAL), summary()], {"answer", "objects"}, id="refused with a SEG"),
        pytest.param(
            [sr(REFUSAL), summary(), seg(), sr(uid="9.9"), summary()],
            {"objects"},
            id="refused too early, then right",
        ),
    ],
)
def test_study_when_answered_otherwise_then_exactly_that_is_wrong(
    returned: list[Returned], names: set[str]
) -> None:
    assert wrong(EXPECTED, returned).keys() == names


@pytest.mark.parametrize(
    ("returned", "names"),
    [
        pytest.param(GOOD, {"answer", "roles"}, id="analysed"),
        pytest.param([sr(replace(REFUSAL, code="SM-NOHBP")), summary()], {"answer"}, id="another code"),
    ],
)
def test_study_when_it_must_be_refused_and_is_not_so_then_it_is_wrong(
    returned: list[Returned], names: set[str]
) -> None:
    assert wrong(REFUSED, returned).keys() == names


def test_image_when_not_acknowledged_then_it_is_wrong() -> None:
    assert wrong(EXPECTED, GOOD, taken=2) == {"images": "2"}


def test_completed_study_when_the_refusal_is_replaced_then_nothing_is_wrong_and_otherwise_it_is() -> None:
    twice = replace(EXPECTED, first_code="SM-MISSING-T2")
    refusal = [sr(REFUSAL, uid="8.1"), summary(sop_instance_uid="8.2")]
    replacing = replace(REPORT, replaces=frozenset({"8.1"}))
    assert wrong(twice, [*refusal, seg(), sr(replacing), summary()]) == {}
    assert wrong(twice, [*refusal, seg(), sr(), summary()]).keys() == {"replacement"}
    assert wrong(twice, GOOD).keys() == {"first answer", "replacement", "objects"}
    assert "answer" in wrong(twice, refusal)


def test_any_model_when_the_findings_are_poor_or_a_gate_refuses_then_only_the_rest_is_judged() -> None:
    lenient = replace(EXPECTED, tolerance=Tolerance(any_model=True))
    assert wrong(lenient, [sr(GATE), summary()]) == {}
    assert wrong(lenient, [seg(Overlap(0.1, 90.0)), sr(), summary()]) == {}
    assert wrong(lenient, [sr(REFUSAL), summary()]).keys() == {"answer"}
    assert wrong(lenient, [seg(), sr(replace(REPORT, roles=SWAPPED)), summary()]).keys() == {"roles"}


def test_outputs_when_fewer_are_sent_to_us_then_the_others_are_not_missed_and_not_expected() -> None:
    only = replace(EXPECTED, outputs=("sr",))
    plain = replace(REPORT, segmentations=frozenset())
    assert wrong(only, [sr(plain)]) == {}
    assert wrong(only, [sr(plain), summary()]).keys() == {"objects"}
