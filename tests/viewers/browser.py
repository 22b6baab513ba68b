"""OHIF in a real browser, as a radiologist uses it: open a series, go to a slice, look."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from playwright.sync_api import Page, sync_playwright

Rgb = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, width, height; pixels of the page."""

CHROMIUM = "/usr/bin/chromium"
WINDOW = {"width": 1280, "height": 760}
PATIENCE_MS = 120_000
LOOK_S = 90.0
"""How long a picture may take to be right: software WebGL, on a machine that is busy with other tests."""

_FLAGS = (
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_NO_TOUR = "localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']))"
# OHIF leaves its services and Cornerstone in the window, for its own tests.
_VIEWPORT = "cornerstone.getEnabledElements()[0].viewport"
_SHOWN = f"({_VIEWPORT}.getCurrentImageId() ?? '') + '/'"
_GO_TO = (
    f"place => {_VIEWPORT}.setImageIdIndex({_VIEWPORT}.getImageIds().findIndex(id => (id + '/').includes(place)))"
)


@dataclass(frozen=True)
class Viewer:
    """A page that shows one study.

    Parameters
    ----------
    page
        Of the browser.
    pictures
        Folder for what was seen, kept as evidence of a test run.
    """

    page: Page
    pictures: Path

    def open(self, series_description: str) -> None:
        """Show a series, as a double click on its thumbnail does."""
        self.page.get_by_text(series_description).first.dblclick()

    def go_to(self, study_instance_uid: str) -> None:
        """Open another study."""
        self.page.goto(f"{self.page.url.partition('/viewer')[0]}/viewer?StudyInstanceUIDs={study_instance_uid}")

    def wait_for_segmentation(self) -> None:
        """Wait until a SEG was read and its segments are known."""
        self.page.wait_for_function("services.segmentationService.getSegmentations().length > 0")

    def segment_labels(self) -> list[str]:
        """Open the list of segments, where it is not open yet, and read it."""
        labels = self.page.locator("[data-cy=data-row-title]")
        if labels.count() == 0:
            self.page.locator("[data-cy=panelSegmentation-btn]").first.click()
            labels.first.wait_for()
        return labels.all_inner_texts()

    def canvas(self) -> Box:
        """Return where the page shows the image."""
        box = self.page.locator("canvas.cornerstone-canvas").first.bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    def look(self) -> Rgb:
        """Return the whole page as it is now, (rows, columns, 3)."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        return np.asarray(picture, dtype=np.uint8)

    def keep(self, name: str) -> None:
        """Leave the page as a picture for people."""
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def look_until(self, check: Callable[[Rgb], str], name: str, *, at: str | None = None) -> Rgb:
        """Look again and again until a still picture passes, then keep it.

        Parameters
        ----------
        check
            Says what is wrong with a picture; empty where nothing is.
        name
            Of the picture that is kept.
        at
            SOP Instance UID to scroll to, with ``/frames/4`` where it is multi-frame; told again where OHIF
            scrolls by itself, as it does for a new SEG.

        Raises
        ------
        AssertionError
            The picture stayed wrong.
        """
        deadline = time.monotonic() + LOOK_S
        before, complaint = self.look(), "the picture never stood still"
        while time.monotonic() < deadline:
            if at is not None and f"{at}/" not in self.page.evaluate(_SHOWN):
                self.page.evaluate(_GO_TO, f"{at}/")
            self.page.wait_for_timeout(400)
            now = self.look()
            if np.array_equal(before, now):
                complaint = check(now)
                if not complaint:
                    break
            before = now
        self.keep(name)
        assert not complaint, f"{complaint}; see {self.pictures / name}.png"
        return before


@contextmanager
def running_viewer(url: str, study_instance_uid: str, pictures: Path) -> Iterator[Viewer]:
    """Run Chromium on one study until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        context = browser.new_context(viewport={"width": WINDOW["width"], "height": WINDOW["height"]})
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(_NO_TOUR)
        page = context.new_page()
        page.goto(f"{url}/viewer?StudyInstanceUIDs={study_instance_uid}")
        # The first image is there when its slice is counted on it.
        page.get_by_text("I:").first.wait_for()
        yield Viewer(page, pictures)
        browser.close()
