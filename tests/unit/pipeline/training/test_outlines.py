"""Manual outlines beside the automatic ones, and outlines drawn again, on balls whose overlap is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.analysis import RegistrationOutcome
from pipeline.geometry import FloatArray, Grid
from pipeline.lesions import Delineation
from pipeline.model_bundle import PipelineSettings
from pipeline.overlap import dice
from pipeline.study import FIXED_ROLE, MOVING_ROLES, Role, Study
from pipeline.training.outlines import MANUAL, Drawn, Files, compare, further_outlines, redrawn
from pipeline.training.sources import LoadedCase
from pipeline.volume import LabelMap, Volume

SHAPE = (40, 60, 60)
GRID = Grid(SHAPE, np.array([2.0, 2.0, 2.0]), np.zeros(3), np.eye(3))
SHIFT_MM = 12.0
"""Of the patient in the moving sequences."""


def ball(radius_mm: float, centre_mm: tuple[float, float, float] = (60.0, 60.0, 40.0)) -> LabelMap:
    index = np.indices(SHAPE)[::-1] * 2.0
    distance = np.sqrt(sum((index[n] - centre_mm[n]) ** 2 for n in range(3)))
    return LabelMap((distance <= radius_mm).astype(np.uint8), GRID)


def case_of(
    label_map: LabelMap | None, masks: dict[Role, LabelMap], transforms: dict[Role, FloatArray] | None = None
) -> LoadedCase:
    blank = Volume(np.zeros(SHAPE, np.float32), GRID)
    return LoadedCase(Study(dict.fromkeys(Role, blank)), True, label_map, transforms, masks)


def moved(shift_mm: float) -> FloatArray:
    matrix = np.eye(4)
    matrix[0, 3] = shift_mm
    return matrix


def outcomes(shift_mm: float) -> dict[Role, RegistrationOutcome]:
    found = RegistrationOutcome(moved(shift_mm), (shift_mm, 0.0, 0.0), (0.0, 0.0, 0.0), -1.0, -0.5)
    return dict.fromkeys(MOVING_ROLES, found)


def automatic(tumour: LabelMap) -> Delineation:
    return Delineation(ball(36.0), tumour, LabelMap(np.zeros(SHAPE, np.uint8), GRID))


def both(tumour_mm: float) -> LabelMap:
    return LabelMap(np.maximum(ball(36.0).array, 2 * ball(tumour_mm).array), GRID)


def cap_dice(radius: float, apart: float) -> float:
    """Overlap of two equal balls, as a share of one."""
    return (1 - apart / (2 * radius)) ** 2 * (1 + apart / (4 * radius))


def test_agreement_when_the_patient_moved_then_dice_is_that_of_two_balls_before_and_one_after() -> None:
    masks = {FIXED_ROLE: ball(20.0), Role.T1_PRE: ball(20.0, (60.0 + SHIFT_MM, 60.0, 40.0))}
    drawn = compare(case_of(None, masks), outcomes(SHIFT_MM), automatic(ball(20.0)))
    before, after = drawn.registration[Role.T1_PRE]
    assert before == pytest.approx(cap_dice(20.0, SHIFT_MM), abs=0.02)
    assert after == 1.0
    assert set(drawn.registration) == {Role.T1_PRE}
    assert drawn.segmentation == {FIXED_ROLE: 1.0}
    assert drawn.liver_dice == {}


def test_agreement_when_tumour_and_liver_are_known_then_both_are_compared() -> None:
    drawn = compare(case_of(both(20.0), {}), outcomes(0.0), automatic(ball(20.0, (60.0 + SHIFT_MM, 60.0, 40.0))))
    assert drawn.segmentation[FIXED_ROLE] == pytest.approx(cap_dice(20.0, SHIFT_MM), abs=0.02)
    assert drawn.liver_dice == {FIXED_ROLE: 1.0}
    assert drawn.registration == {}


def test_agreement_when_the_true_motion_is_known_then_every_sequence_has_an_outline() -> None:
    case = case_of(both(20.0), {}, dict.fromkeys(MOVING_ROLES, moved(SHIFT_MM)))
    drawn = compare(case, outcomes(SHIFT_MM), automatic(ball(20.0)))
    assert set(drawn.registration) == set(MOVING_ROLES)
    for before, after in drawn.registration.values():
        assert before == pytest.approx(cap_dice(20.0, SHIFT_MM), abs=0.02)
        assert after == 1.0


def test_agreement_when_only_another_sequence_was_outlined_then_it_is_carried_and_nothing_is_compared() -> None:
    masks = {Role.T2: ball(20.0, (60.0 + SHIFT_MM, 60.0, 40.0))}
    drawn = compare(case_of(None, masks), outcomes(SHIFT_MM), automatic(ball(20.0)))
    assert drawn.tumour is not None
    assert dice(drawn.tumour.array > 0, ball(20.0).array > 0) == 1.0
    assert (drawn.registration, drawn.segmentation) == ({}, {})


def test_manual_outline_when_the_liver_is_known_then_the_margin_is_a_shell_inside_it() -> None:
    drawn = compare(case_of(both(20.0), {}), outcomes(0.0), automatic(ball(10.0)))
    tumour, margin = further_outlines(drawn, automatic(ball(10.0)), PipelineSettings(), "case", 0)[MANUAL]
    assert (tumour == (ball(20.0).array > 0)).all()
    assert not (margin & tumour).any()
    shell = (ball(25.0).array > 0) & ~tumour
    assert dice(margin, shell) > 0.95


def test_repeated_outlines_when_drawn_twice_then_the_same_and_apart_from_one_another() -> None:
    found = automatic(ball(20.0))
    first = further_outlines(Drawn(), found, PipelineSettings(), "a", 2)
    again = further_outlines(Drawn(), found, PipelineSettings(), "a", 2)
    other = further_outlines(Drawn(), found, PipelineSettings(), "b", 1)
    assert list(first) == [".repeat-1.npz", ".repeat-2.npz"]
    assert all((first[end][0] == again[end][0]).all() for end in first)
    assert (first[".repeat-1.npz"][0] != first[".repeat-2.npz"][0]).any()
    assert (first[".repeat-1.npz"][0] != other[".repeat-1.npz"][0]).any()


def test_redrawn_when_the_shift_is_half_a_voxel_then_only_the_boundary_changes_and_the_volume_stays() -> None:
    mask = ball(20.0).array > 0
    sizes = []
    for seed in range(5):
        again = redrawn(mask, np.random.default_rng(seed))
        assert 0.85 < dice(mask, again) < 0.99
        # Two standard deviations are a voxel: hardly anything farther from the boundary may change.
        assert (again & ~(ball(25.0).array > 0)).sum() == 0
        assert (ball(15.0).array[~again] > 0).sum() == 0
        sizes.append(again.sum())
    assert np.mean(sizes) == pytest.approx(mask.sum(), rel=0.05)


def test_redrawn_when_the_tumour_touches_the_edge_of_the_image_then_it_stays_there() -> None:
    mask = ball(20.0, (0.0, 60.0, 40.0)).array > 0
    assert dice(mask, redrawn(mask, np.random.default_rng(1))) > 0.85
    assert not redrawn(np.zeros(SHAPE, bool), np.random.default_rng(1)).any()


def test_files_when_nobody_drew_an_outline_then_none_is_written(tmp_path: Path) -> None:
    files = Files(tmp_path, "case")
    files.write_agreement(Drawn())
    files.write_outline(Drawn(), Volume(np.zeros(SHAPE, np.float32), GRID), automatic(ball(20.0)))
    assert not list(tmp_path.iterdir())
    files.write_agreement(compare(case_of(both(20.0), {}), outcomes(0.0), automatic(ball(20.0))))
    assert json.loads((tmp_path / "case.agreement.json").read_text())["liver"] == {"T1_HEPATOBILIARY": 1.0}


def test_compare_when_nobody_drew_a_tumour_then_its_dice_is_undefined_and_that_of_the_liver_is_not() -> None:
    healthy = LabelMap((ball(36.0).array > 0).astype(np.uint8), GRID)
    for found in (LabelMap(np.zeros(SHAPE, np.uint8), GRID), ball(20.0)):
        drawn = compare(case_of(healthy, {}), outcomes(0.0), automatic(found))
        assert (drawn.segmentation, drawn.registration) == ({}, {})
        assert drawn.liver_dice[FIXED_ROLE] == 1.0
