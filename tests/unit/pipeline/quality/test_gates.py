"""Quality gates: each on both sides of its limit."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.analysis import GateOutcome, Lesion, RegistrationOutcome
from pipeline.errors import QualityGateError
from pipeline.geometry import FloatArray, Grid
from pipeline.quality import (
    REFUSALS,
    GateSettings,
    agent_doubt,
    agent_gates,
    coverage_gate,
    distribution_gates,
    field_strength_doubt,
    field_strength_gates,
    hepatobiliary_gate,
    liver_gates,
    registration_gates,
    require,
    tumour_gates,
)
from pipeline.study import MOVING_ROLES, Role
from pipeline.volume import LabelMap, Volume

SETTINGS = GateSettings(maximum_mahalanobis=8.0, maximum_displaced_likeness=0.82)
GRID = Grid((20, 40, 40), np.array([5.0, 5.0, 5.0]), np.zeros(3), np.eye(3))
STILL = RegistrationOutcome(np.eye(4), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), -0.8, -0.5)
LESION = Lesion(1, 20.0, 5.0, (0.0, 0.0, 0.0))


def by_name(gates: tuple[GateOutcome, ...]) -> dict[str, GateOutcome]:
    return {gate.gate: gate for gate in gates}


def liver(first: int = 4, last: int = 16) -> LabelMap:
    array = np.zeros(GRID.shape, np.uint8)
    array[first:last, 10:30, 10:30] = 1
    return LabelMap(array, GRID)


def shifted(shift_mm: tuple[float, float, float]) -> FloatArray:
    matrix = np.eye(4)
    matrix[:3, 3] = shift_mm
    return matrix


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({}, set()),
        ({"translation_mm": (0.0, 36.0, 48.0)}, set()),
        ({"translation_mm": (0.0, 36.1, 48.0)}, {"registration_displacement"}),
        ({"rotation_deg": (0.0, -10.0, 0.0)}, set()),
        ({"rotation_deg": (0.0, -10.1, 0.0)}, {"registration_rotation"}),
        ({"metric": -0.04}, {"registration_similarity"}),
        ({"overlap": 0.25}, set()),
        ({"overlap": 0.24}, {"registration_overlap"}),
        ({"metric_mirrored": -0.63}, set()),
        ({"metric_mirrored": -0.65}, {"registration_mirror"}),
        ({"metric_displaced": -0.65}, set()),
        ({"metric_displaced": -0.67}, {"registration_detail"}),
        ({"metric": 0.0, "metric_mirrored": -0.3}, {"registration_similarity"}),
    ],
)
def test_registration_gates_judge_the_worst_sequence(changed: dict[str, object], failed: set[str]) -> None:
    outcomes = dict.fromkeys(MOVING_ROLES, STILL)
    outcomes[Role.DWI] = replace(STILL, **changed)  # type: ignore[arg-type]  # Names are given as text.
    gates = registration_gates(outcomes, SETTINGS)
    assert {gate.gate for gate in gates if not gate.passed} == failed
    assert all("DWI" in gate.message for gate in gates if not gate.passed)
    assert all(not gate.message for gate in gates if gate.passed)


def test_liver_gates_pass_a_whole_liver_and_give_its_volume() -> None:
    gates = by_name(liver_gates(liver(), SETTINGS))
    assert gates["liver_volume"].value == pytest.approx(12 * 20 * 20 * 0.125)
    assert all(gate.passed for gate in gates.values())


@pytest.mark.parametrize(
    ("label_map", "failed"),
    [(liver(0, 12), "liver_cut"), (liver(8, 20), "liver_cut"), (liver(4, 9), "liver_volume")],
)
def test_liver_gates_fail_a_cut_or_small_liver(label_map: LabelMap, failed: str) -> None:
    assert {gate.gate for gate in liver_gates(label_map, SETTINGS) if not gate.passed} == {failed}


def test_liver_gates_of_an_empty_map_fail_without_dividing_by_zero() -> None:
    empty = LabelMap(np.zeros(GRID.shape, np.uint8), GRID)
    with pytest.raises(QualityGateError, match="QG-LIVER: Only 0 cm3"):
        require(liver_gates(empty, SETTINGS))


@pytest.mark.parametrize(("shift_mm", "share"), [(0.0, 1.0), (20.0, 1.0), (40.0, 8 / 12), (-200.0, 0.0)])
def test_coverage_is_the_share_of_voxels_that_a_sequence_saw(shift_mm: float, share: float) -> None:
    sequences = {Role.T2: (GRID, np.eye(4)), Role.DWI: (GRID, shifted((0.0, 0.0, shift_mm)))}
    gate = coverage_gate("liver_coverage", liver().array > 0, GRID, sequences, 0.9)
    assert gate.value == pytest.approx(share)
    assert gate.passed is (share >= 0.9)
    if not gate.passed:
        assert gate.message.startswith("DWI covers")


def enhancement(liver_before: float, liver_after: float, gain: float = 1.0) -> GateOutcome:
    mask = liver().array > 0
    before, after = np.full(GRID.shape, 100.0), np.full(GRID.shape, 105.0)
    before[mask], after[mask] = liver_before, liver_after
    first, second = (Volume(array.astype(np.float32), GRID) for array in (before, gain * after))
    return hepatobiliary_gate(first, second, mask, SETTINGS)


def test_hepatobiliary_gate_measures_the_gain_against_the_body() -> None:
    assert enhancement(120, 220).value == pytest.approx((220 / 105) / (120 / 100))
    assert enhancement(120, 220).passed


def test_hepatobiliary_gate_does_not_depend_on_the_receiver_gain() -> None:
    assert enhancement(120, 220, gain=7.0).value == pytest.approx(enhancement(120, 220).value)


def test_hepatobiliary_gate_fails_without_uptake() -> None:
    with pytest.raises(QualityGateError, match=r"QG-HBP: The liver is 1\.00 times"):
        require([enhancement(100, 105)])


@pytest.mark.parametrize(("field_strength_t", "passed"), [(1.5, True), (1.494, True), (2.89, True), (0.55, False)])
def test_field_strength_is_judged_by_the_nearest_of_the_training_cases(
    field_strength_t: float, passed: bool
) -> None:
    limits = GateSettings(field_strengths_t=(3.0, 1.5))
    (gate,) = field_strength_gates(field_strength_t, limits)
    assert gate.passed is passed
    if not passed:
        with pytest.raises(QualityGateError, match=r"QG-FIELD: .* at 0\.55 T; the model was trained at 1\.5, 3 T"):
            require([gate])


@pytest.mark.parametrize(
    ("agents", "strange"), [(("gadoxetate",), 0), (("gadobenate",), 1), (("gadobenate", "gadoxetate"), 1)]
)
def test_contrast_agent_when_no_training_case_had_it_then_it_is_refused(
    agents: tuple[str, ...], strange: int
) -> None:
    (gate,) = agent_gates(agents, GateSettings(contrast_agents=("gadoxetate", "gadoterate")))
    assert (gate.gate, gate.passed, gate.value, gate.limit) == ("contrast_agent", not strange, strange, 0)
    if strange:
        told = r"QG-AGENT: .* is gadobenate; the model was trained with gadoterate, gadoxetate"
        with pytest.raises(QualityGateError, match=told):
            require([gate])


def test_contrast_agent_is_not_judged_where_the_headers_or_the_bundle_do_not_name_it() -> None:
    limits = GateSettings(contrast_agents=("gadoxetate",))
    assert agent_gates((), limits) == agent_gates(("gadobenate",), GateSettings()) == ()
    assert agent_doubt(("gadoxetate",), limits) == agent_doubt((), GateSettings()) == ()
    assert agent_doubt((), limits) == (
        "No header names the contrast agent; the model was trained with gadoxetate.",
    )


def test_field_strength_is_judged_by_the_tolerance_of_the_model() -> None:
    (gate,) = field_strength_gates(2.89, GateSettings(field_strengths_t=(3.0,), field_tolerance_t=0.1))
    assert (gate.passed, gate.limit) == (False, 0.1)


def test_field_strength_is_not_judged_where_the_headers_or_the_bundle_do_not_state_it() -> None:
    assert field_strength_gates(None, GateSettings(field_strengths_t=(3.0,))) == ()
    assert field_strength_gates(0.55, GateSettings()) == ()
    assert field_strength_doubt(0.55, GateSettings()) == field_strength_doubt(3.0, SETTINGS) == ()
    assert field_strength_doubt(None, GateSettings(field_strengths_t=(3.0, 1.5))) == (
        "No header states the field strength; the model was trained at 1.5, 3 T.",
    )


def test_tumour_gates_judge_number_size_share_and_place() -> None:
    assert all(gate.passed for gate in tumour_gates((LESION,) * 10, 1000.0, 0.2, SETTINGS))
    huge = replace(LESION, longest_diameter_mm=201.0)
    for lesions, liver_cm3, contact, gate in (
        ((LESION,) * 11, 1000.0, 1.0, "lesion_count"),
        ((LESION,), 7.0, 1.0, "tumour_share"),
        ((LESION, huge), 1000.0, 1.0, "tumour_size"),
        ((LESION,), 1000.0, 0.19, "tumour_contact"),
    ):
        assert {g.gate for g in tumour_gates(lesions, liver_cm3, contact, SETTINGS) if not g.passed} == {gate}


def test_distribution_gates_judge_range_and_distance() -> None:
    assert all(gate.passed for gate in distribution_gates(0.2, 8.0, SETTINGS))
    failed = {gate.gate for gate in distribution_gates(0.21, 8.1, SETTINGS) if not gate.passed}
    assert failed == {"feature_range", "feature_distance"}


def test_distance_is_not_judged_where_the_bundle_sets_no_limit() -> None:
    assert [gate.gate for gate in distribution_gates(0.0, 1e9, GateSettings())] == ["feature_range"]


@pytest.mark.parametrize("gate", sorted(REFUSALS))
def test_every_failed_gate_raises_its_code_stage_and_remedy(gate: str) -> None:
    with pytest.raises(QualityGateError) as caught:
        require([GateOutcome("registration_rotation", True, 0, 1), GateOutcome(gate, False, 2, 1, "Too far.")])
    assert caught.value.code == REFUSALS[gate].code
    assert caught.value.stage == REFUSALS[gate].stage
    assert caught.value.remedy


def test_require_returns_the_gates_where_all_pass() -> None:
    gates = registration_gates(dict.fromkeys(MOVING_ROLES, STILL), SETTINGS)
    assert require(gates) == gates
