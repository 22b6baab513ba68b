"""A series that does not lie where the hepatobiliary phase lies is refused, whichever way it is displaced."""

from dataclasses import replace
from typing import Any

import pytest

from dicom_io.assembly.coverage import coverage, in_plane_coverage
from dicom_io.assembly.headers import vector
from dicom_io.assembly.stacks import normal_of
from dicom_io.assembly.subvolumes import SubVolume, split_series
from tests.unit.dicom_io.assembly.conftest import Match
from tests.unit.dicom_io.assembly.header_studies import (
    AXIAL,
    DWI,
    GADOXETATE,
    MATRIX,
    T1,
    T2,
    StudyWriter,
    standard,
)
from tests.unit.dicom_io.assembly.test_random_protocols import T1 as PHYSICS
from tests.unit.dicom_io.assembly.test_random_protocols import series

FIELD_MM = MATRIX * 1.5

SERIES: dict[str, tuple[str, dict[str, Any], float, dict[str, Any]]] = {
    "T2": ("Ax T2 FS", T2, 500, {}),
    "DWI": ("Ax DWI", DWI, 700, {"DiffusionBValue": 800}),
    "T1_PRE": ("Ax T1 pre", T1, 0, {}),
    "T1_ARTERIAL": ("Ax T1 arterial", T1, 125, GADOXETATE),
    "T1_HEPATOBILIARY": ("Ax T1 HBP 20 min", T1, 1300, GADOXETATE),
}


def displace(writer: StudyWriter, role: str, away: tuple[float, float], **elements: Any) -> None:
    """Write a study in which one role lies `away`, (x, y) mm."""
    standard(writer, without=(role,))
    description, physics, time_s, own = SERIES[role]
    writer.series(
        description,
        physics,
        time_s,
        frame=lambda _phase, k: {"ImagePositionPatient": [*away, 5.0 * k]},
        **own,
        **elements,
    )


@pytest.mark.parametrize("role", SERIES)
@pytest.mark.parametrize("away", [(600.0, 0.0), (0.0, -600.0), (0.5 * FIELD_MM, 0.0)])
def test_match_when_a_series_is_displaced_within_its_plane_then_it_refuses_and_names_it(
    writer: StudyWriter, match: Match, role: str, away: tuple[float, float]
) -> None:
    displace(writer, role, away)
    result = match()
    assert result.code == "SM-GEOM"
    assert "series 6" in result.message and "in_plane_coverage" in result.message
    assert ("50%" if away[0] < 100 and not away[1] else "0%") in result.message


@pytest.mark.parametrize("role", ["T2", "DWI", "T1_HEPATOBILIARY"])
@pytest.mark.parametrize("away", [(0.3 * FIELD_MM, 0.0), (0.0, -0.3 * FIELD_MM)])
def test_match_when_a_field_of_view_is_a_little_off_then_it_is_taken(
    writer: StudyWriter, match: Match, role: str, away: tuple[float, float]
) -> None:
    displace(writer, role, away)
    assert match().code is None


@pytest.mark.parametrize(("share", "code"), [(0.2, "SM-GEOM"), (0.5, "SM-GEOM"), (0.9, None), (3.0, None)])
@pytest.mark.parametrize("role", ["T2", "DWI"])
def test_match_when_a_field_of_view_is_small_then_it_refuses(
    writer: StudyWriter, match: Match, role: str, share: float, code: str | None
) -> None:
    inset = (1 - share) * FIELD_MM / 2
    displace(writer, role, (inset, inset), PixelSpacing=[1.5 * share, 1.5 * share])
    assert match().code == code


def stack(away: tuple[float, float, float], orientation: tuple[float, ...] = tuple(AXIAL)) -> SubVolume:
    """Return 10 slices, 5 mm apart, of 20 rows by 40 columns, 2 and 1 mm apart: 40 x 40 mm; `away`, LPS mm."""
    normal = normal_of(orientation)
    frames = [
        replace(
            frame, rows=20, columns=40, pixel_spacing_mm=(2.0, 1.0), orientation=orientation,
            position_lps_mm=vector(tuple(a + 5 * k * n for a, n in zip(away, normal, strict=True))),
        )
        for k, frame in enumerate(series(1, "t1", PHYSICS, 0))
    ]  # fmt: skip
    (found,) = split_series(frames)
    return found


@pytest.mark.parametrize(
    ("away", "plane", "height"),
    [
        ((0, 0, 0), 1.0, 1.0),
        ((10, 0, 0), 0.75, 1.0),
        ((-10, 20, 0), 0.5, 1.0),
        ((0, 39, 10), 0.025, 0.8),
        ((0, 41, -60), 0.0, 0.0),
    ],
)
def test_coverage_when_one_of_two_equal_stacks_is_displaced_then_what_they_share_is_known(
    away: tuple[float, float, float], plane: float, height: float
) -> None:
    reference = stack((0, 0, 0))
    assert in_plane_coverage(stack(away), reference) == pytest.approx(plane)
    assert coverage(stack(away), reference) == pytest.approx(height)


def test_coverage_when_a_stack_is_turned_upside_down_then_its_own_axes_are_followed() -> None:
    # Rows to the left from x = 39: the same field of view, mirrored.
    turned = stack((39, 38, 0), (-1, 0, 0, 0, -1, 0))
    assert in_plane_coverage(turned, stack((0, 0, 0))) == pytest.approx(1.0)
