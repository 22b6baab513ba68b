"""What blood and liver of four phases say, on a body of three tissues with known brightness."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest

from config.matching_limits import PIXEL_CHECKS
from config.series_rules import load_series_rules
from dicom_io.assembly import inspect, inspect_files, match_studies, scan_folder
from dicom_io.assembly.body_sampling import sample
from dicom_io.assembly.enhancement import measure
from dicom_io.assembly.match_result import Assigned, MatchResult
from dicom_io.assembly.pixel_checks import CHECKS, fitting_orders
from dicom_io.assembly.refusals import ROLE_WORDS
from pipeline.geometry import Grid
from pipeline.study import Role
from pipeline.volume import Volume
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard

PHASES = (Role.T1_PRE, Role.T1_ARTERIAL, Role.T1_PORTAL, Role.T1_HEPATOBILIARY)
BLOOD = dict(zip(PHASES, (100.0, 400.0, 220.0, 110.0), strict=True))
LIVER = dict(zip(PHASES, (110.0, 130.0, 180.0, 230.0), strict=True))
MUSCLE = 100.0
SHAPE = (12, 80, 100)


@cache
def phase(blood: float, liver: float, *, gain: float = 1.0, seed: int = 0, edge: int = 40) -> Volume:
    """Return an ellipse of muscle with liver left of `edge` and a vessel, in air, with noise; 3 x 3 x 6 mm."""
    _, j, i = np.indices(SHAPE)
    body = ((j - 40) / 34) ** 2 + ((i - 50) / 44) ** 2 < 1
    array = np.where(body, MUSCLE, 3.0)
    array[body & (i < edge)] = liver
    array[(j - 55) ** 2 + (i - 55) ** 2 < 30] = blood
    noise = np.random.default_rng(seed).normal(0, 3, SHAPE)
    grid = Grid(SHAPE, np.array([3.0, 3.0, 6.0]), np.zeros(3), np.eye(3))
    return Volume((gain * np.abs(array + noise)).astype(np.float32), grid)


def phases(order: tuple[int, ...] = (0, 1, 2, 3), gains: tuple[float, ...] = (1, 1, 1, 1)) -> dict[Role, Volume]:
    """Return the volumes of the roles, each showing the phase that `order` names."""
    return {
        role: phase(BLOOD[PHASES[number]], LIVER[PHASES[number]], gain=gain, seed=number)
        for role, number, gain in zip(PHASES, order, gains, strict=True)
    }


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> MatchResult:
    folder = tmp_path_factory.mktemp("accepted")
    standard(StudyWriter(folder))
    (result,) = match_studies(scan_folder(folder), load_series_rules())
    return result


def judged(accepted: MatchResult, volumes: Mapping[Role, Volume]) -> MatchResult:
    return inspect(accepted, volumes, load_series_rules())


@pytest.mark.parametrize("gains", [(1, 1, 1, 1), (1, 1.5, 0.7, 3)], ids=["one gain", "gains differ"])
def test_measure_when_the_body_is_known_then_its_ratios_are_found(gains: tuple[float, ...]) -> None:
    inside = sample(phases(gains=gains))
    assert inside is not None
    found = measure(inside)
    assert found.blood[Role.T1_ARTERIAL] / found.blood[Role.T1_PRE] == pytest.approx(4.0, rel=0.1)
    assert found.liver[Role.T1_PORTAL] / found.liver[Role.T1_ARTERIAL] == pytest.approx(180 / 130, rel=0.05)
    assert found.liver_to_blood == pytest.approx(230 / 110, rel=0.1)


def test_inspect_when_the_phases_are_right_then_pixels_speak_for_each(accepted: MatchResult) -> None:
    result = judged(accepted, phases())
    assert (result.code, result.warnings) == (None, ())
    for role in PHASES:
        (item,) = [item for item in result.roles[role].evidence if item.family == "pixels"]
        assert item.weight == 3.0
        assert result.roles[role].score == accepted.roles[role].score + 3.0
    assert result.roles[Role.T2] == accepted.roles[Role.T2]


@pytest.mark.parametrize("order", [*list(permutations(range(4)))[1:], (0, 1, 2, 2), (1, 2, 2, 2), (0, 0, 2, 3)])
def test_inspect_when_phases_are_exchanged_then_it_refuses(accepted: MatchResult, order: tuple[int, ...]) -> None:
    result = judged(accepted, phases(order))
    assert (result.status, result.code) == ("refused", "SM-PIXEL")
    assert "contradict" in result.message and result.remedy


def test_inspect_when_all_phases_are_reversed_then_it_says_what_each_looks_like(accepted: MatchResult) -> None:
    message = judged(accepted, phases((3, 2, 1, 0))).message
    assert "chosen as the T1 before contrast looks like the hepatobiliary phase" in message
    assert "chosen as the portal venous phase looks like the arterial phase" in message


@pytest.mark.parametrize("edge", [25, 65], ids=["small liver", "large liver"])
def test_measure_when_first_and_last_phase_are_exchanged_then_the_liver_loses(edge: int) -> None:
    found = {}
    for order in ((0, 1, 2, 3), (3, 1, 2, 0)):
        volumes = {
            role: phase(BLOOD[PHASES[number]], LIVER[PHASES[number]], seed=number, edge=edge)
            for role, number in zip(PHASES, order, strict=True)
        }
        inside = sample(volumes)
        assert inside is not None
        right = measure(inside)
        found[order] = right.liver_uptake / right.uptake
        assert (right.liver_uptake > 1) is (order == (0, 1, 2, 3))
    assert found[0, 1, 2, 3] == pytest.approx(230 / 110, rel=0.1)
    assert found[3, 1, 2, 0] == pytest.approx(110 / 230, rel=0.1)


def test_fitting_orders_when_the_phases_are_right_then_no_other_order_fits() -> None:
    inside = sample(phases())
    assert inside is not None
    assert not fitting_orders(inside, load_series_rules().pixels)


def test_inspect_when_the_liver_took_up_little_then_it_warns_and_takes_points(accepted: MatchResult) -> None:
    volumes = {**phases(), Role.T1_HEPATOBILIARY: phase(blood=140, liver=128, seed=3)}
    result = judged(accepted, volumes)
    assert result.code is None
    assert len(result.warnings) == 1 and "HBP-INADEQUATE" in result.warnings[0]
    assert result.roles[Role.T1_HEPATOBILIARY].score == accepted.roles[Role.T1_HEPATOBILIARY].score - 3.0


def by_hand(accepted: MatchResult, role: Role, score: float) -> MatchResult:
    assigned = replace(accepted.roles[role], score=score, assigned=Assigned("anna", "now"))
    return replace(accepted, roles={**accepted.roles, role: assigned}, warnings=("Assigned by hand.",))


def test_inspect_when_a_series_was_assigned_then_its_score_does_not_refuse_and_a_doubt_warns(
    accepted: MatchResult,
) -> None:
    volumes = {**phases(), Role.T1_HEPATOBILIARY: phase(blood=140, liver=128, seed=3)}
    result = judged(by_hand(accepted, Role.T1_HEPATOBILIARY, 2.0), volumes)
    assert result.code is None
    assert [warning.split()[0] for warning in result.warnings] == ["Assigned", "Pixels:"]


def test_inspect_when_the_wrong_series_was_assigned_then_the_pixels_refuse_it(accepted: MatchResult) -> None:
    result = judged(by_hand(accepted, Role.T1_ARTERIAL, 12.0), phases((0, 2, 1, 3)))
    assert result.code == "SM-PIXEL"
    assert result.warnings == ("Assigned by hand.",)


@pytest.mark.parametrize("pattern", ["noise", "constant"])
def test_inspect_when_the_pixels_show_no_body_then_it_refuses(accepted: MatchResult, pattern: str) -> None:
    def volume(seed: int) -> Volume:
        random = np.random.default_rng(seed).normal(1000, 300, SHAPE).astype(np.float32)
        return Volume(random if pattern == "noise" else np.ones(SHAPE, np.float32), phases()[Role.T1_PRE].grid)

    result = judged(accepted, {role: volume(seed) for seed, role in enumerate(PHASES)})
    assert (result.code, result.warnings) == ("SM-PIXEL", ())
    assert "do not show one body" in result.message


@pytest.mark.parametrize("by", ["rules", "hand"])
@pytest.mark.parametrize("kind", ["subtraction", "fat"])
@pytest.mark.parametrize("role", PHASES)
def test_inspect_when_one_phase_shows_another_body_then_it_is_refused_by_name(
    accepted: MatchResult, role: Role, kind: str, by: str
) -> None:
    volumes = phases()
    shown, other = volumes[role], volumes[PHASES[0 if role is not PHASES[0] else 1]]
    array = (
        np.clip(shown.array - other.array, 0, None) if kind == "subtraction" else shown.array.max() - shown.array
    )
    match = accepted if by == "rules" else by_hand(accepted, role, 12.0)
    result = judged(match, {**volumes, role: Volume(array, shown.grid)})
    assert (result.status, result.code) == ("refused", "SM-PIXEL")
    if kind == "fat":
        assert [each for each in PHASES if ROLE_WORDS[each] in result.message] == [role]


def test_inspect_when_two_phases_show_another_body_then_the_two_that_differ_are_named(
    accepted: MatchResult,
) -> None:
    # As fat images do: neither pair is like the other, and no phase stands alone.
    volumes = phases()
    fat = {
        role: Volume(volumes[role].array.max() - volumes[role].array, volumes[role].grid) for role in PHASES[2:]
    }
    result = judged(accepted, {**volumes, **fat})
    assert (result.status, result.code) == ("refused", "SM-PIXEL")
    assert ROLE_WORDS[Role.T1_PRE] in result.message and ROLE_WORDS[Role.T1_PORTAL] in result.message


def test_inspect_when_the_phases_do_not_overlap_then_it_refuses(accepted: MatchResult) -> None:
    volumes = phases()
    far = volumes[Role.T1_PORTAL]
    away = Grid(far.grid.shape, far.grid.spacing_xyz_mm, np.array([0.0, 0.0, 500.0]), np.eye(3))
    result = judged(accepted, {**volumes, Role.T1_PORTAL: Volume(far.array, away)})
    assert result.code == "SM-PIXEL"
    assert "too little of it in common" in result.message


def test_rules_when_they_bound_the_contradictions_then_by_the_number_of_checks() -> None:
    assert len(CHECKS) == PIXEL_CHECKS


@pytest.mark.parametrize(("arterial", "refused"), [(0.7, False), (0.4, True)], ids=["badly timed", "reversed"])
def test_inspect_when_only_the_blood_of_the_portal_phase_is_brighter_then_it_depends_on_how_much(
    accepted: MatchResult, arterial: float, *, refused: bool
) -> None:
    # As in a study whose phases come in reverse, where liver and late phase happen to agree with their names.
    volumes = phases()
    volumes[Role.T1_ARTERIAL] = phase(arterial * 400.0, LIVER[Role.T1_ARTERIAL], seed=1)
    volumes[Role.T1_PORTAL] = phase(400.0, LIVER[Role.T1_PORTAL], seed=2)
    inside = sample(volumes)
    assert inside is not None
    assert not fitting_orders(inside, load_series_rules().pixels)
    result = judged(accepted, volumes)
    assert (result.code == "SM-PIXEL") is refused
    said = result.message if refused else " ".join(result.warnings)
    assert "blood is brighter in the portal venous phase than in the arterial phase" in said


def test_inspect_when_the_match_was_refused_then_it_stays_as_it_is(writer: StudyWriter, match: Match) -> None:
    standard(writer, without=("T2",))
    refused = match()
    assert inspect(refused, {}, load_series_rules()) is refused
    assert inspect_files(refused, load_series_rules()) is refused


def test_inspect_files_when_a_file_is_gone_then_the_match_stands_with_a_warning(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    accepted = match()
    accepted.roles[Role.T1_PORTAL].instances[0].path.unlink()
    result = inspect_files(accepted, load_series_rules())
    assert result.code is None
    assert result.warnings[0].startswith("Pixels were not compared")
