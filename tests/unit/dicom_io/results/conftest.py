"""What the tests of the results share."""

import numpy as np
import pytest

from dicom_io.results import writing


@pytest.fixture
def blank_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a small grey page: where the picture does not matter, drawing it is most of the time of a test."""
    page = np.full((8, 12, 3), 99, dtype=np.uint8)
    monkeypatch.setattr(writing, "draw_summary", lambda *_, **__: page)
    monkeypatch.setattr(writing, "draw_refusal", lambda *_, **__: page)
