"""The page shows the lesion where it lies, the right way round, and says what it must."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from dicom_io.results import write_results, writing
from dicom_io.results.product import Product
from dicom_io.results.refusal import Refusal
from dicom_io.results.refusal_page import draw_refusal, refusal_figure
from dicom_io.results.report import key_slice
from dicom_io.results.segmentation import MARGIN_RGB, TUMOUR_RGB
from dicom_io.results.summary_cards import basis_lines
from dicom_io.results.summary_page import summary_figure
from dicom_io.results.summary_scene import make_scene, side
from dicom_io.results.summary_style import CATEGORY_INK
from dicom_io.results.wording import feature_title
from pipeline.analysis import Analysis, Classifier, Lesion, Risk, RiskCategory
from pipeline.geometry import Grid
from pipeline.study import Analyte, Role
from pipeline.volume import LabelMap, Volume
from tests.unit.dicom_io.results.page_checks import (
    PRODUCT,
    assert_texts_are_whole,
    assert_texts_do_not_overlap,
    page_of,
)
from tests.unit.dicom_io.results.synthetic_study import (
    DIRECTIONS,
    STUDY_UID,
    ball,
    make_analysis,
    make_grid,
    make_match,
)

PICTURES = np.s_[70:912, 16:924]
"""Rows and columns of the page that hold the six pictures."""


def pixels_like(page: npt.NDArray[np.uint8], rgb: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    close: npt.NDArray[np.bool_] = np.abs(page.astype(int) - rgb).max(axis=-1) < 40
    return close


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("axial", ("R", "L", "A", "P")),
        ("feet first", ("L", "R", "A", "P")),
        ("flipped", ("L", "R", "A", "P")),
        ("decubitus", ("A", "P", "L", "R")),
        ("coronal", ("R", "L", "H", "F")),
    ],
)
def test_scene_when_the_patient_lies_otherwise_then_the_marks_follow(
    name: str, marks: tuple[str, str, str, str]
) -> None:
    assert make_scene(make_analysis(make_grid(DIRECTIONS[name]))).marks == marks


def test_side_when_direction_is_oblique_then_two_letters_are_given() -> None:
    assert side(np.array([0.8, 0.6, 0.0])) == "LP"
    assert side(np.array([-0.3, 0.1, -0.95])) == "F"


@pytest.mark.parametrize("name", DIRECTIONS)
def test_scene_when_cut_then_pictures_are_the_slice_of_the_largest_lesion(name: str) -> None:
    analysis = make_analysis(make_grid(DIRECTIONS[name]))
    k = int((analysis.lesion_map.array == 1).sum(axis=(1, 2)).argmax())

    scene = make_scene(analysis)

    assert np.array_equal(scene.lesions, analysis.lesion_map.array[k])
    for role in Role:
        np.testing.assert_allclose(scene.pictures[role], analysis.registered[role].array[k], rtol=1e-4)


def test_page_when_drawn_then_six_outlines_lie_at_the_lesion() -> None:
    analysis = make_analysis(make_grid(shape=(7, 48, 60)))

    page = page_of(analysis)

    assert page.shape == (1000, 1400, 3)
    assert page.dtype == np.uint8
    pictures = page[PICTURES]
    height, width = pictures.shape[0] // 3, pictures.shape[1] // 2
    scene = make_scene(analysis)
    rows, columns = np.nonzero(scene.lesions)
    left, right, top, bottom = scene.window_mm
    expected_x = (columns.mean() * scene.spacing_xy_mm[0] - left) / (right - left)
    expected_y = (rows.mean() * scene.spacing_xy_mm[1] - top) / (bottom - top)
    for row in range(3):
        for column in range(2):
            part = pictures[row * height : (row + 1) * height, column * width : (column + 1) * width]
            y, x = np.nonzero(pixels_like(part, TUMOUR_RGB))
            assert x.size > 100
            assert (x.mean() / width, y.mean() / height) == pytest.approx((expected_x, expected_y), abs=0.03)
            assert pixels_like(part, MARGIN_RGB).sum() > 50


def test_page_when_there_is_no_lesion_then_no_outline_is_drawn() -> None:
    assert not pixels_like(page_of(make_analysis(make_grid(), 0))[PICTURES], TUMOUR_RGB).any()


def test_page_when_many_warnings_and_odd_characters_then_it_is_drawn() -> None:
    warning = (
        "A $very$ long warning with 漢字 that goes on and on, and on, so that no single line can hold it. " * 3
    )

    assert page_of(make_analysis(make_grid(), 2, warnings=(warning,) * 6)).std() > 10


@pytest.mark.parametrize(("radius_mm", "least_share"), [(4.0, 0.035), (12.0, 0.12), (60.0, 0.12)])
def test_scene_when_the_lesion_is_small_then_the_picture_goes_closer(radius_mm: float, least_share: float) -> None:
    grid = Grid((5, 96, 120), np.array([2.6, 2.4, 5.0]), np.zeros(3), np.eye(3))
    analysis = make_analysis(grid)
    lesion = ball(grid, (45, 40, 2), radius_mm)
    labels = LabelMap(lesion.astype(np.uint8), grid)
    empty = LabelMap(np.zeros(grid.shape, np.uint8), grid)

    scene = make_scene(Analysis(**{**vars(analysis), "lesion_map": labels, "margin_map": empty}))

    left, right, top, bottom = scene.window_mm
    j, i = np.nonzero(scene.lesions)
    assert left <= i.min() * 2.6 <= i.max() * 2.6 <= right
    assert top <= j.min() * 2.4 <= j.max() * 2.4 <= bottom
    assert (right - left) / (bottom - top) == pytest.approx(1.6)
    assert np.ptp(i) * 2.6 >= least_share * (right - left)
    assert right - left >= 130.0


@pytest.mark.parametrize("count", [1, 4, 5, 12])
def test_page_when_there_are_many_lesions_then_each_is_listed_or_counted(count: int) -> None:
    analysis = make_analysis(make_grid(), 2)
    lesions = tuple(Lesion(n, 123.4 - n, 1234.5 / n, (0.0, 0.0, 0.0)) for n in range(1, count + 1))

    figure = summary_figure(
        Analysis(**{**vars(analysis), "lesions": lesions}), PRODUCT, STUDY_UID, margin_mm=5.0, place=""
    )

    assert_texts_are_whole(figure)
    assert_texts_do_not_overlap(figure)
    shown = {text.get_text() for axes in figure.axes for text in axes.texts}
    listed = [n for n in range(1, count + 1) if f"Lesion {n}" in shown]
    counted = [int(text.split()[1]) for text in shown if text.endswith("smaller, in the report")]
    assert listed == list(range(1, len(listed) + 1))
    assert len(listed) + sum(counted) == count


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_page_when_written_then_it_names_the_slice_as_viewers_count_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enhanced: bool
) -> None:
    grid = make_grid()
    k = key_slice(make_analysis(grid))
    places: list[str] = []

    def record(*_: object, place: str, **__: object) -> npt.NDArray[np.uint8]:
        places.append(place)
        return np.zeros((8, 12, 3), dtype=np.uint8)

    def from_the_top(ds: pydicom.Dataset) -> None:
        if ds.SeriesNumber == 6 and not enhanced:
            ds.InstanceNumber = grid.shape[0] + 1 - ds.InstanceNumber

    monkeypatch.setattr(writing, "draw_summary", record)
    match = make_match(tmp_path / "in", grid, enhanced=enhanced, edit=from_the_top)
    write_results(match, make_analysis(grid), tmp_path / "out", now=datetime(2026, 1, 3, tzinfo=UTC))

    expected = f"frame {grid.shape[0] + k + 1}" if enhanced else f"image {grid.shape[0] - k}"
    assert places == [f"series 6, {expected}"]


def test_page_when_drawn_then_the_place_of_its_slice_is_on_it() -> None:
    figure = summary_figure(
        make_analysis(make_grid()), PRODUCT, STUDY_UID, margin_mm=5.0, place="series 8, image 18"
    )

    assert any("series 8, image 18" in text.get_text() for text in figure.texts)


@pytest.mark.parametrize("probability", [0.0, 0.07, 0.5, 1.0])
@pytest.mark.parametrize("calibrated", [True, False])
def test_page_when_contents_are_extreme_then_every_text_is_whole(probability: float, calibrated: bool) -> None:
    analysis = make_analysis(
        make_grid(), 2, warnings=("A long warning that goes on and on, and on, and on. " * 4,) * 5
    )
    risk = Risk(
        probability,
        (0.0, 1.0),
        RiskCategory.UNCERTAIN,
        probability,
        calibrated,
        Classifier.RADIOMICS,
        tuple(analyte.value for analyte in Analyte),
    )
    lesions = tuple(Lesion(n, 123.4, 1234.5, (0.0, 0.0, 0.0)) for n in range(1, 12))
    changed = Analysis(**{**vars(analysis), "risk": risk, "lesions": lesions})

    figure = summary_figure(changed, PRODUCT, "1." + "2" * 62, margin_mm=12.5, place="series 8, image 18")
    assert_texts_are_whole(figure)
    assert any("The risk of all 11 lesions together." in text.get_text() for text in figure.findobj(Text))


@pytest.mark.parametrize("number", range(1, len(Analyte)))
def test_basis_when_laboratory_values_are_missing_then_each_is_named(number: int) -> None:
    for missing in combinations(Analyte, number):
        risk = Risk(0.4, (0.1, 0.7), RiskCategory.LOW, 0.5, False, Classifier.RADIOMICS, missing)
        words = " ".join(basis_lines(risk))
        assert [name for name in missing if feature_title(name) not in words] == []
        words = " ".join(basis_lines(risk, 12))
        assert [name for name in missing if feature_title(name) not in words] == []
        assert "The risk of all 12 lesions together." in words


def test_page_when_there_is_no_lesion_then_every_text_is_whole() -> None:
    assert_texts_are_whole(
        summary_figure(
            make_analysis(make_grid(), 0), PRODUCT, STUDY_UID, margin_mm=5.0, place="series 8, image 18"
        )
    )


def test_refusal_page_when_contents_are_long_then_every_text_is_whole() -> None:
    sentence = "A sentence of a refusal that says much more than a sentence of a refusal ought to say. " * 5
    refusal = Refusal("SM-MISSING-T1_HEPATOBILIARY", sentence, sentence, "assemble", (sentence,) * 30)

    assert_texts_are_whole(refusal_figure(refusal, PRODUCT, STUDY_UID))


def test_page_when_drawn_twice_then_it_is_the_same() -> None:
    analysis = make_analysis(make_grid())

    assert np.array_equal(page_of(analysis), page_of(analysis))


def test_refusal_page_when_there_are_too_many_details_then_they_stay_on_the_card() -> None:
    refusal = Refusal("SM-NOHBP", "No hepatobiliary phase.", "Send it.", "assemble", tuple("abc" * 40))

    page = draw_refusal(refusal, Product("0.1.0", None), STUDY_UID)

    # Between the card and the rule of the foot the page is empty.
    assert np.ptp(page[918:942].reshape(-1, 3), axis=0).max() == 0


def test_capture_when_written_then_it_is_the_picture_and_names_no_patient(tmp_path: Path) -> None:
    grid = make_grid()
    written = write_results(
        make_match(tmp_path / "in", grid),
        make_analysis(grid),
        tmp_path / "out",
        now=datetime(2026, 1, 3, tzinfo=UTC),
    )
    assert written.summary_sc is not None
    assert written.summary_png is not None

    capture = pydicom.dcmread(written.summary_sc)

    assert np.array_equal(capture.pixel_array, np.asarray(Image.open(written.summary_png)))
    assert (capture.Modality, capture.ConversionType, capture.BurnedInAnnotation) == ("OT", "WSD", "NO")
    assert capture.StudyInstanceUID == STUDY_UID
    assert capture.ImageComments == "For research use only. Not a medical device."
    assert list(capture.SoftwareVersions)[1:] == ["phantom-demo 1.0.0", "ab" * 32]


def figure_of(analysis: Analysis) -> Figure:
    return summary_figure(analysis, PRODUCT, STUDY_UID, margin_mm=5.0, place="")


def test_page_when_a_lesion_reaches_the_slice_with_its_margin_alone_then_the_ring_bears_its_number() -> None:
    analysis = make_analysis(make_grid(), 2)
    k = key_slice(analysis)
    without = analysis.lesion_map.array.copy()
    without[k][without[k] == 2] = 0
    margins = analysis.margin_map.array.copy()
    margins[k, 2:5, 22:25] = 2
    grid = analysis.lesion_map.grid
    changed = {"lesion_map": LabelMap(without, grid), "margin_map": LabelMap(margins, grid)}

    figure = figure_of(Analysis(**{**vars(analysis), **changed}))

    pictures = figure.axes[: len(Role)]
    assert all({"1", "2"} <= {text.get_text() for text in axes.texts} for axes in pictures)


def test_page_when_a_large_lesion_is_full_of_fluid_then_the_liver_is_not_black() -> None:
    analysis = make_analysis(make_grid())
    bright = dict(analysis.registered)
    volume, liver = bright[Role.T2], analysis.liver_map.array > 0
    bright[Role.T2] = Volume(
        np.where(analysis.lesion_map.array > 0, 5000, volume.array).astype(np.float32), volume.grid
    )

    figure = figure_of(Analysis(**{**vars(analysis), "registered": bright}))

    _, white = figure.axes[0].images[0].get_clim()
    usual = float(np.median(volume.array[liver & (analysis.lesion_map.array == 0)]))
    assert usual / white > 1 / 8


def test_page_when_the_risk_lies_at_the_threshold_then_its_point_lies_on_top() -> None:
    lines = [axes.lines for axes in figure_of(make_analysis(make_grid())).axes]

    (scale,) = (drawn for drawn in lines if any(line.get_marker() == "o" for line in drawn))
    assert scale[-1].get_marker() == "o"


@pytest.mark.parametrize(("left_out_auc", "weak"), [(0.56, True), (None, True), (0.81, False)])
def test_page_when_the_model_is_weak_then_its_risk_bears_no_colour_of_danger(
    left_out_auc: float | None, weak: bool
) -> None:
    analysis = make_analysis(make_grid())
    assert analysis.risk is not None
    risk = replace(analysis.risk, category=RiskCategory.HIGH, left_out_auc=left_out_auc)
    figure = figure_of(replace(analysis, risk=risk))

    card = figure.axes[
        [any("95 % interval" in text.get_text() for text in axes.texts) for axes in figure.axes].index(True)
    ]
    colours = {text.get_text(): to_rgba(text.get_color()) for text in card.texts}
    assert (colours["High risk"] == to_rgba(CATEGORY_INK[RiskCategory.HIGH])) is not weak
    assert ("weak model: see warnings" in colours) is weak
    assert_texts_are_whole(figure)
    assert_texts_do_not_overlap(figure)
