"""The results in OHIF, judged by the pixels of the page."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.conformance.written import Written
from tests.conftest import DemoRun
from tests.viewers.browser import WINDOW, Rgb, Viewer
from tests.viewers.pixels import cut, dice, line_coloured, margin_coloured, sample, tumour_coloured, windowed
from tests.viewers.shown_study import Mask, ShownStudy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer("ohif"),
    pytest.mark.peer("chromium"),
    pytest.mark.peer("orthanc"),
]

TUMOUR, MARGIN = 1, 2
ALIKE = 0.9
"""Least Dice of an overlay and the stored frame; edges fall between pixels of the screen."""
FOUND = 0.7
"""Least Dice with the planted tumour on its largest slice; what the model misses counts here too."""


@pytest.fixture(scope="module")
def largest(shown: ShownStudy) -> str:
    """Return the image on which the planted tumour is largest."""
    return max(shown.images, key=lambda uid: int(shown.planted(uid).sum()))


@pytest.fixture
def overlaid(viewer: Viewer) -> Viewer:
    """Open the segmentation on its series."""
    viewer.open("AI MVI SEG")
    viewer.wait_for_segmentation()
    return viewer


def test_segmentation_when_opened_then_the_overlay_is_where_the_tumour_was_planted(
    overlaid: Viewer, shown: ShownStudy, largest: str
) -> None:
    planted, image = shown.planted(largest), shown.images[largest]

    def wrong(page: Rgb) -> str:
        colours = sample(page, overlaid.canvas(), image)
        seen = tumour_coloured(colours)
        grey = ~(seen | margin_coloured(colours))
        likeness = np.corrcoef(colours.mean(axis=-1)[grey], windowed(image)[grey])[0, 1]
        if likeness < 0.97:
            return f"the image under the overlay correlates by {likeness:.2f} with the stored one"
        if dice(seen, shown.segmented(largest, TUMOUR)) < ALIKE:
            return f"Dice {dice(seen, shown.segmented(largest, TUMOUR)):.2f} with the stored frame"
        if dice(margin_coloured(colours), shown.segmented(largest, MARGIN)) < 0.6:
            return "the margin is not drawn in yellow"
        return "" if dice(seen, planted) > FOUND else f"Dice {dice(seen, planted):.2f} with the planted tumour"

    labels = overlaid.segment_labels()
    page = overlaid.look_until(wrong, "segmentation", at=largest)

    assert labels == ["Tumour 1", "Peritumoral margin 5 mm"]
    seen = tumour_coloured(sample(page, overlaid.canvas(), image))
    assert dice(seen[:, ::-1], planted) < 0.3, "the tumour is so central that a mirror image would pass"


def test_segmentation_when_opened_then_the_screen_s_left_is_the_patient_s_right(
    overlaid: Viewer, shown: ShownStudy, largest: str
) -> None:
    left, _, width, _ = overlaid.canvas()
    marker = overlaid.page.get_by_text("R", exact=True).first.bounding_box()

    # LPS: the patient's right has negative x, and OHIF writes R beside it.
    assert shown.planted_centroid_lps(largest)[0] < -20
    assert marker is not None
    assert left <= marker["x"] < left + width / 10


def test_segmentation_when_scrolled_then_each_slice_has_its_own_outline_and_none_beyond(
    overlaid: Viewer, shown: ShownStudy
) -> None:
    order = list(shown.images)
    holds = [bool(shown.segmented(uid, TUMOUR).any()) for uid in order]
    first, last = holds.index(True), len(holds) - 1 - holds[::-1].index(True)

    seen = {}
    for place in (first, first - 1, last, last + 1):
        stored = shown.segmented(order[place], TUMOUR)

        def wrong(page: Rgb, place: int = place, stored: Mask = stored) -> str:
            colours = sample(page, overlaid.canvas(), shown.images[order[place]])
            seen = tumour_coloured(colours)
            if not stored.any():
                return "" if not seen.any() else "an outline beyond the tumour"
            return "" if dice(seen, stored) >= 0.8 else f"Dice {dice(seen, stored):.2f}"

        page = overlaid.look_until(wrong, f"slice_{place}", at=order[place])
        seen[place] = tumour_coloured(sample(page, overlaid.canvas(), shown.images[order[place]]))
        counted = overlaid.page.locator("[data-cy=viewport-overlay-bottom-right]").first.inner_text()
        assert re.search(rf"\b{shown.images[order[place]].InstanceNumber} \(\d+/{len(order)}\)", counted), counted

    # A SEG that lies a slice too high agrees with itself: only the planted tumour tells.
    fits = {
        shift: dice(
            np.stack([seen[place] for place in (first, last)]),
            np.stack([shown.planted(order[place + shift]) for place in (first, last)]),
        )
        for shift in (-1, 0, 1)
    }
    assert fits[0] > FOUND
    assert max(fits, key=fits.__getitem__) == 0, fits


def test_report_when_opened_then_it_shows_outline_and_probability(viewer: Viewer, shown: ShownStudy) -> None:
    stored = {uid: shown.segmented(uid, TUMOUR) for uid in shown.images}
    widest = max(stored, key=lambda uid: int(stored[uid].sum()))
    stored_rows, stored_columns = np.nonzero(stored[widest])
    viewer.open("AI MVI report")
    text = viewer.page.locator("svg text", has_text="Predicted probability of microvascular invasion").first
    text.wait_for()

    assert f"{shown.probability:.2f}" in (text.text_content() or "")

    def wrong(page: Rgb) -> str:
        drawn = line_coloured(cut(page, viewer.canvas(), shown.images[widest], stored[widest], border=2))
        rows, columns = np.nonzero(drawn)
        if rows.size < 50:
            return "no outline around the tumour"
        # The cut is the tumour and two pixels on each side.
        across, down = np.ptp(stored_columns) + 1, np.ptp(stored_rows) + 1
        spans = np.ptp(columns) / drawn.shape[1] * (across + 4), np.ptp(rows) / drawn.shape[0] * (down + 4)
        fits = abs(spans[0] - across) < 2 and abs(spans[1] - down) < 2
        return "" if fits else f"the outline spans {spans} pixels, the tumour {(across, down)}"

    viewer.look_until(wrong, "report")


def test_summary_when_opened_then_the_page_is_seen_whole(viewer: Viewer, demo_run: DemoRun) -> None:
    viewer.open("AI MVI summary")
    original = Image.open(demo_run.out / "summary.png").convert("L")

    def wrong(page: Rgb) -> str:
        left, top, width, height = viewer.canvas()
        scale = min(width / original.width, height / original.height)
        shape = (round(original.width * scale), round(original.height * scale))
        x, y = round(left + (width - shape[0]) / 2), round(top + (height - shape[1]) / 2)
        seen = np.asarray(Image.fromarray(page).convert("L"), dtype=float)[y : y + shape[1], x : x + shape[0]]
        likeness = np.corrcoef(seen.ravel(), np.asarray(original.resize(shape), dtype=float).ravel())[0, 1]
        return "" if likeness > 0.9 else f"the page correlates by {likeness:.2f} with the summary"

    viewer.look_until(wrong, "summary")


def test_report_of_a_refusal_when_opened_then_the_reader_finds_what_is_missing_and_what_helps(
    viewer: Viewer, refusal: Written
) -> None:
    viewer.go_to(str(refusal.results.document["study_instance_uid"]))
    viewer.open("AI MVI report")

    for sentence in (
        "No hepatobiliary phase was found.",
        "Send the series acquired about 20 minutes after the contrast agent.",
        "For research use only. Not a medical device.",
    ):
        viewer.page.get_by_text(sentence).first.wait_for()
    seen = viewer.page.get_by_text("No hepatobiliary phase was found.").first.bounding_box()
    viewer.keep("refusal")
    assert seen is not None
    assert seen["y"] < WINDOW["height"], "it is seen without scrolling"
