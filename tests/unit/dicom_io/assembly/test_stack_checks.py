"""Stacks with a slice twice, of something else, of noise, or thick: refused by the pixels alone."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import maximum_filter1d

from config.series_rules import load_series_rules
from dicom_io.assembly import MatchResult, inspect
from pipeline.study import Role
from pipeline.volume import Volume
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard
from tests.unit.dicom_io.assembly.test_pixel_sanity import PHASES, phase, phases

RULES = load_series_rules()
Array = npt.NDArray[np.float32]


@pytest.fixture
def accepted(writer: StudyWriter, match: Match) -> MatchResult:
    standard(writer)
    return match()


def changed(accepted: MatchResult, role: Role, change: Callable[[Array], Array]) -> MatchResult:
    """Inspect six right volumes but for `role`, which is what `change` makes of it."""
    volumes = {Role.T2: phase(300.0, 150.0, seed=8), Role.DWI: phase(90.0, 60.0, seed=9), **phases()}
    volume = volumes[role]
    return inspect(accepted, {**volumes, role: Volume(change(volume.array.copy()), volume.grid)}, RULES)


def twice(array: Array) -> Array:
    array[7] = array[6]
    return array


def foreign(array: Array) -> Array:
    array[6] = np.roll(array[6], 40, axis=1)
    return array


def noise(array: Array) -> Array:
    return np.random.default_rng(5).normal(100, 20, array.shape).astype(np.float32)


def thick(array: Array) -> Array:
    found: Array = maximum_filter1d(array, 5, axis=0)
    return found


def untouched(array: Array) -> Array:
    return array


@pytest.mark.parametrize("role", Role)
def test_inspect_when_slices_follow_from_one_another_then_it_accepts(accepted: MatchResult, role: Role) -> None:
    assert changed(accepted, role, untouched).code is None


@pytest.mark.parametrize("role", Role)
def test_inspect_when_an_image_is_there_twice_then_it_names_the_slices(accepted: MatchResult, role: Role) -> None:
    result = changed(accepted, role, twice)
    assert result.code == "SM-PIXEL" and "its slices 7 and 8 are the same" in result.message
    assert f"series {accepted.roles[role].series_number}," in result.message


@pytest.mark.parametrize("role", PHASES)
def test_inspect_when_a_slice_of_a_phase_is_of_another_stack_then_it_names_it(
    accepted: MatchResult, role: Role
) -> None:
    result = changed(accepted, role, foreign)
    assert result.code == "SM-PIXEL" and "its slice 7 is not of this stack" in result.message
    assert "[pixels] foreign_slice = 0.15" in result.message


@pytest.mark.parametrize("role", [Role.T2, Role.DWI])
def test_inspect_when_t2_or_diffusion_is_noise_or_thick_then_it_refuses(accepted: MatchResult, role: Role) -> None:
    result = changed(accepted, role, noise)
    assert result.code == "SM-PIXEL" and "[pixels] continuity = 0.2" in result.message
    result = changed(accepted, role, thick)
    assert result.code == "SM-PIXEL" and "[pixels] thick_slices = 0.4, slab = 0.25" in result.message
    assert "projection or mean over several slices" in result.message


def test_inspect_when_one_slice_of_t2_is_shifted_as_by_a_breath_then_it_accepts(accepted: MatchResult) -> None:
    assert changed(accepted, Role.T2, foreign).code is None
