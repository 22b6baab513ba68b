"""Dixon images of the phantom: fat takes up no contrast, and pixels tell it from water."""

from pathlib import Path

import numpy as np
import pytest

from config.series_rules import load_series_rules
from dicom_io.assembly import inspect, match_studies, scan_folder
from dicom_io.phantom.plan import Dixon, Part
from dicom_io.phantom.scenarios.dixon import dixon_parts
from pipeline.phantom import PhantomCase
from pipeline.study import Role
from pipeline.volume import Volume
from tests.unit.dicom_io.assembly.header_studies import StudyWriter, standard

PHASES = (Role.T1_PRE, Role.T1_ARTERIAL, Role.T1_PORTAL, Role.T1_HEPATOBILIARY)


def images(case: PhantomCase, dixon: Dixon) -> dict[Role, Volume]:
    """Return one Dixon image of each phase."""
    found = {}
    for number, role in enumerate(PHASES):
        parts = dixon_parts(Part(case.study.volumes[role], 30.0 * number, role))
        (found[role],) = [part.volume for part in parts if part.dixon is dixon]
    return found


def test_dixon_parts_when_contrast_comes_then_fat_stays_as_it_was(small_case: PhantomCase) -> None:
    fat = images(small_case, Dixon.FAT)
    water = images(small_case, Dixon.WATER)
    levels = {role: float(np.percentile(fat[role].array, 95)) for role in PHASES}
    # The phase before contrast is stored with another gain.
    for role in PHASES[2:]:
        assert levels[role] == pytest.approx(levels[Role.T1_ARTERIAL], rel=0.1)
    before, after = (fat[role].array for role in (Role.T1_ARTERIAL, Role.T1_HEPATOBILIARY))
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.7
    one, other = (array[:, :6, :6].ravel() for array in (before, after))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.2
    blood = water[Role.T1_ARTERIAL].array > 1.5 * water[Role.T1_HEPATOBILIARY].array
    assert np.median(before[blood]) < 0.3 * levels[Role.T1_ARTERIAL]


def test_dixon_parts_when_in_and_opposed_phase_then_they_are_sum_and_difference(small_case: PhantomCase) -> None:
    water, fat, together, apart = (images(small_case, kind)[Role.T1_PORTAL].array for kind in Dixon)
    np.testing.assert_allclose(together, water + fat, atol=1)
    np.testing.assert_allclose(apart, np.abs(water - fat), atol=1)
    assert np.corrcoef(water.ravel(), fat.ravel())[0, 1] < 0.5


@pytest.mark.parametrize("dixon", [Dixon.FAT, Dixon.WATER])
def test_inspect_when_all_phases_are_fat_images_then_the_pixels_refuse_them(
    small_case: PhantomCase, tmp_path: Path, dixon: Dixon
) -> None:
    standard(StudyWriter(tmp_path))
    rules = load_series_rules()
    (accepted,) = match_studies(scan_folder(tmp_path), rules)
    result = inspect(accepted, images(small_case, dixon), rules)
    assert result.code == ("SM-PIXEL" if dixon is Dixon.FAT else None)
