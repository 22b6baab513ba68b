"""A phase that lies elsewhere or is mirrored, on bodies of blobs whose place is known."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, inspect
from dicom_io.assembly.candidate import DYNAMIC_ROLES
from dicom_io.assembly.placement import misplaced
from pipeline.geometry import Grid
from pipeline.study import Role
from pipeline.volume import Volume
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard

SHAPE = (40, 80, 100)
LIMIT_MM = 25.0
TILT = np.deg2rad(20)
OBLIQUE = np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])


def body() -> np.ndarray:
    """Return organs as blobs in an ellipse, brightness 0 to 1, (k, j, i)."""
    _, j, i = np.indices(SHAPE)
    blobs = gaussian_filter(np.random.default_rng(4).normal(size=SHAPE), (2, 3, 3))
    inside = ((j - 40) / 34) ** 2 + ((i - 50) / 44) ** 2 < 1
    return np.asarray(np.where(inside, 0.4 + 0.6 * (blobs > 0.02), 0.02))


BODY = body()


@cache
def phase(number: int) -> np.ndarray:
    noise = np.random.default_rng(number).normal(0, 0.02, SHAPE)
    return (100 * (BODY ** (0.6 + 0.3 * number) + noise)).astype(np.float32)


def four(direction: np.ndarray = np.eye(3), **moved: tuple[float, float, float]) -> dict[Role, Volume]:  # noqa: B008 - never written to
    """Return four phases of other contrast and noise, some of which say that they lie elsewhere, by x, y, z mm."""
    found = {}
    for number, role in enumerate(DYNAMIC_ROLES):
        origin = np.array(moved.get(role.value, (0.0, 0.0, 0.0)))
        grid = Grid(SHAPE, np.array([4.0, 4.0, 5.0]), origin, direction)
        found[role] = Volume(phase(number), grid)
    return found


def turned(volume: Volume, axis: int) -> Volume:
    return Volume(np.flip(volume.array, axis).copy(), volume.grid)


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE], ids=["axial", "oblique"])
@pytest.mark.parametrize("moved", [(0.0, 0.0, 20.0), (-12.0, 0.0, -16.0)])
def test_misplaced_when_a_phase_lies_as_far_as_a_breath_goes_then_none_is_named(
    direction: np.ndarray, moved: tuple[float, float, float]
) -> None:
    assert misplaced(four(direction, T1_HEPATOBILIARY=moved), LIMIT_MM) is None


@pytest.mark.parametrize(
    ("role", "moved", "direction"),
    [
        (Role.T1_PRE, (0.0, 0.0, 45.0), np.eye(3)),
        (Role.T1_ARTERIAL, (0.0, 0.0, -40.0), OBLIQUE),
        (Role.T1_PORTAL, (60.0, 0.0, 0.0), OBLIQUE),
        (Role.T1_HEPATOBILIARY, (0.0, 0.0, 45.0), OBLIQUE),
        (Role.T1_HEPATOBILIARY, (-32.0, 24.0, 16.0), np.eye(3)),
    ],
)
def test_misplaced_when_one_phase_lies_elsewhere_then_role_and_way_back_are_found(
    role: Role, moved: tuple[float, float, float], direction: np.ndarray
) -> None:
    found = misplaced(four(direction, **{role.value: moved}), LIMIT_MM)
    assert found is not None and (found.role, found.mirrored) == (role, "")
    np.testing.assert_allclose(found.shift_mm, np.negative(moved), atol=8)


@pytest.mark.parametrize(
    ("role", "axis", "said"),
    [
        (Role.T1_PRE, 0, "has its slices in the reverse order"),
        (Role.T1_ARTERIAL, 2, "is mirrored"),
        (Role.T1_HEPATOBILIARY, 2, "is mirrored"),
    ],
)
def test_misplaced_when_one_phase_is_turned_round_then_it_says_how(role: Role, axis: int, said: str) -> None:
    volumes = four()
    found = misplaced({**volumes, role: turned(volumes[role], axis)}, LIMIT_MM)
    assert found is not None and found.role is role
    assert found.mirrored.startswith(said)


def noise(number: int) -> Volume:
    array = np.random.default_rng(number).normal(100, 20, SHAPE).astype(np.float32)
    return Volume(array, four()[Role.T1_PRE].grid)


@pytest.mark.parametrize("one", [noise, lambda _number: Volume(np.ones(SHAPE, np.float32), noise(0).grid)])
def test_misplaced_when_the_phases_show_no_body_then_none_is_named(one: Callable[[int], Volume]) -> None:
    assert misplaced({role: one(number) for number, role in enumerate(DYNAMIC_ROLES)}, LIMIT_MM) is None


def test_inspect_when_a_phase_lies_elsewhere_then_series_figures_and_rule_are_told(
    writer: StudyWriter, match: Match
) -> None:
    standard(writer)
    accepted = match()
    result = inspect(accepted, four(T1_PORTAL=(0.0, 0.0, 48.0)), load_series_rules())
    assert (result.status, result.code) == ("refused", "SM-PIXEL")
    number = accepted.roles[Role.T1_PORTAL].series_number
    assert f"series {number}, chosen as the portal venous phase, shows the body 48 mm from where" in result.message
    assert "moved by 0, 0, -48 mm along x, y, z; [pixels] displaced_mm = 25)" in result.message


def test_inspect_when_a_phase_is_mirrored_then_the_series_is_told(writer: StudyWriter, match: Match) -> None:
    standard(writer)
    volumes = four()
    volumes[Role.T1_ARTERIAL] = turned(volumes[Role.T1_ARTERIAL], 2)
    result: MatchResult = inspect(match(), volumes, load_series_rules())
    assert result.code == "SM-PIXEL"
    assert "chosen as the arterial phase, is mirrored from side to side" in result.message


def test_misplaced_when_a_phase_is_out_of_reach_or_its_pixels_are_metres_wide_then_it_costs_nothing() -> None:
    assert misplaced(four(T1_PORTAL=(0.0, 0.0, 1e7)), LIMIT_MM) is None
    wide = {
        role: Volume(volume.array, Grid(SHAPE, np.array([100.0, 100.0, 90.0]), np.zeros(3), np.eye(3)))
        for role, volume in four().items()
    }
    assert misplaced(wide, LIMIT_MM) is None
