"""Characters of every script on a page: drawn, or left out with a note, and never as empty boxes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib import font_manager

from dicom_io.results import page_text
from dicom_io.results.refusal import Refusal
from dicom_io.results.refusal_page import refusal_figure
from tests.unit.dicom_io.results.page_checks import (
    PRODUCT,
    assert_texts_are_whole,
    page_of,
)
from tests.unit.dicom_io.results.synthetic_study import (
    STUDY_UID,
    make_analysis,
    make_grid,
)

JAPANESE = "DWI: series 7 (拡散強調像 b 0 800 間 조영전 ตับ АДК) was found."


@pytest.fixture
def latin_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take the fonts of other scripts away, where this machine has some."""
    monkeypatch.setattr(page_text, "FALLBACKS", ())
    _forget_fonts()
    yield
    _forget_fonts()


def _forget_fonts() -> None:
    page_text.families.cache_clear()
    page_text._characters.cache_clear()


@pytest.mark.usefixtures("latin_fonts")
def test_refusal_page_when_no_font_has_the_characters_then_it_says_so_and_shows_no_empty_boxes() -> None:
    refusal = Refusal("SM-MISSING-T2", "No T2.", "Send it.", "assemble", (JAPANESE,) * 40)

    figure = refusal_figure(refusal, PRODUCT, STUDY_UID)

    # A lacking glyph would be a warning, and that an error.
    assert_texts_are_whole(figure)
    told = [text.get_text() for text in figure.texts]
    assert "DWI: series 7 (… b 0 800 … … … АДК) was found." in told
    assert page_text.NOTE in told


@pytest.mark.usefixtures("latin_fonts")
def test_page_when_a_warning_is_in_another_script_then_it_is_drawn_without_empty_boxes() -> None:
    assert page_of(make_analysis(make_grid(), 1, warnings=(JAPANESE,))).std() > 10


def test_refusal_page_when_a_font_of_the_machine_has_the_characters_then_they_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (other,) = {path for path in font_manager.fontManager.ttflist if path.name == "STIXGeneral" and
                path.style == "normal" and path.weight == 400}  # fmt: skip
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [other.fname])
    monkeypatch.setattr(page_text, "FALLBACKS", (Path(other.fname).name,))
    _forget_fonts()
    try:
        # A sign that DejaVu Sans lacks.
        refusal = Refusal("SM-MISSING-T2", "No T2.", "Send it.", "assemble", ("series 7 (\u20df)",))
        figure = refusal_figure(refusal, PRODUCT, STUDY_UID)
        assert_texts_are_whole(figure)
        assert "series 7 (\u20df)" in [text.get_text() for text in figure.texts]
    finally:
        _forget_fonts()


def test_wrapped_when_characters_are_wide_then_a_line_holds_half_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_text, "shown", lambda text: text)

    lines = page_text.wrapped("肝" * 50 + " liver", 20, most_lines=3)

    assert lines == ["肝" * 10, "肝" * 10, "肝" * 8 + " ..."]
    assert page_text.wrapped("a few words", 8, most_lines=3) == ["a few", "words"]
