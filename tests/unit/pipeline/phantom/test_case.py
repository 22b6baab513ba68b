import numpy as np
import pytest

from pipeline.geometry import FloatArray
from pipeline.phantom import PhantomCase, PhantomSettings, make_case
from pipeline.phantom.truth import LIVER_LABEL, TUMOUR_LABEL
from pipeline.resampling import resample
from pipeline.study import Analyte, Role


def _median(case: PhantomCase, role: Role, label: int) -> float:
    """Median of `role` inside a label, at the place where the truth says the tissue is."""
    seen = resample(case.study.volumes[role], case.truth.label_map.grid, case.truth.transforms_lps_mm[role])
    return float(np.median(seen.array[case.truth.label_map.array == label]))


def test_case_has_the_geometry_of_the_protocol(case: PhantomCase) -> None:
    dynamic = case.study.volumes[Role.T1_HEPATOBILIARY].grid
    assert dynamic.shape == (44, 256, 256)
    assert dynamic.spacing_xyz_mm == pytest.approx([400 / 256, 400 / 256, 5.0])
    for role in (Role.T2, Role.DWI):
        grid = case.study.volumes[role].grid
        assert grid.shape == (32, 256, 256)
        assert grid.spacing_xyz_mm == pytest.approx([380 / 256, 380 / 256, 7.0])
        assert not np.allclose(grid.origin_lps_mm, dynamic.origin_lps_mm)
    assert case.truth.label_map.grid is dynamic
    assert set(case.study.clinical) == set(Analyte)


@pytest.mark.parametrize(
    ("role", "tumour_is_brighter"),
    [
        (Role.T1_ARTERIAL, True),
        (Role.T1_PORTAL, False),
        (Role.T1_HEPATOBILIARY, False),
        (Role.T2, True),
        (Role.DWI, True),
    ],
)
def test_tumour_at_its_true_place_has_the_contrast_of_each_sequence(
    case: PhantomCase, role: Role, tumour_is_brighter: bool
) -> None:
    tumour, liver = _median(case, role, TUMOUR_LABEL), _median(case, role, LIVER_LABEL)
    assert (tumour > 1.05 * liver) if tumour_is_brighter else (tumour < 0.95 * liver)


def test_true_transform_aligns_every_sequence_better_than_none() -> None:
    # A large motion, so that what the transform mends is far above the noise.
    settings = PhantomSettings(max_shift_mm=30.0, max_rotation_deg=6.0, tumour_count=1, with_distractors=False)
    moved = make_case(2, settings=settings)
    fixed = moved.study.volumes[Role.T1_HEPATOBILIARY]

    def likeness(role: Role, transform: FloatArray | None) -> float:
        seen = resample(moved.study.volumes[role], fixed.grid, transform).array[5:-5]
        return float(np.corrcoef(seen.ravel(), fixed.array[5:-5].ravel())[0, 1])

    for role in (Role.T1_PRE, Role.T1_PORTAL):
        aligned, as_acquired = likeness(role, moved.truth.transforms_lps_mm[role]), likeness(role, None)
        assert aligned > as_acquired + 0.02
        assert aligned > 0.9


def test_label_volume_is_that_of_the_implicit_tumour(case: PhantomCase) -> None:
    labels = case.truth.label_map
    counted_cm3 = float((labels.array == TUMOUR_LABEL).sum()) * labels.grid.voxel_volume_mm3 / 1000
    (tumour,) = case.truth.tumours
    assert counted_cm3 == pytest.approx(tumour.volume_cm3, rel=0.04)
    index = np.argwhere(labels.array == TUMOUR_LABEL)[:, ::-1]
    assert labels.grid.to_lps_mm(index).mean(axis=0) == pytest.approx(tumour.centroid_lps_mm, abs=0.7)
    assert 30 < tumour.longest_diameter_mm < 80


def test_liver_has_the_volume_of_an_adult(case: PhantomCase) -> None:
    labels = case.truth.label_map
    volume_cm3 = float((labels.array > 0).sum()) * labels.grid.voxel_volume_mm3 / 1000
    assert 900 < volume_cm3 < 2400


def test_diffusion_coefficient_of_the_liver_is_that_of_the_table(case: PhantomCase) -> None:
    adc, grid = case.distractors["ADC"], case.truth.label_map.grid
    seen = resample(adc, grid, case.truth.transforms_lps_mm[Role.DWI])
    liver = seen.array[case.truth.label_map.array == LIVER_LABEL]
    assert float(np.median(liver)) == pytest.approx(1300, rel=0.1)


def test_case_of_the_same_seed_is_the_same_to_the_last_bit(case: PhantomCase) -> None:
    settings = PhantomSettings(tumour_count=1, tumour_diameter_mm=(40, 60), with_distractors=False)
    again = make_case(11, settings=settings)
    for role, volume in case.study.volumes.items():
        assert (again.study.volumes[role].array == volume.array).all()
    assert (again.truth.label_map.array == case.truth.label_map.array).all()
    assert not again.distractors


def test_volumes_hold_whole_numbers_that_fit_into_sixteen_signed_bits(case: PhantomCase) -> None:
    for volume in (*case.study.volumes.values(), *case.distractors.values()):
        assert (volume.array == np.rint(volume.array)).all()
        assert volume.array.min() >= 0
        assert volume.array.max() <= 32767


@pytest.mark.parametrize(
    "wrong",
    [
        {"field_strength_t": 7.0},
        {"oblique_deg": 60.0},
        {"tumour_count": 4},
        {"tumour_diameter_mm": (50.0, 20.0)},
        {"mvi_prevalence": 1.0},
        {"max_shift_mm": -1.0},
        {"max_rotation_deg": 90.0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PhantomSettings(**wrong)  # type: ignore[arg-type]


def test_make_case_with_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        make_case(-1)
