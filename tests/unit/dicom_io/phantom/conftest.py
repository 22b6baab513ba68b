from pathlib import Path

import pytest

from dicom_io.phantom.miniature import miniature
from dicom_io.phantom_series import write_phantom_study
from pipeline.phantom import PhantomCase, PhantomSettings, make_case

Written = tuple[PhantomCase, Path, dict[str, object]]


@pytest.fixture(scope="session")
def phantom_case() -> PhantomCase:
    return make_case(5, settings=PhantomSettings(oblique_deg=12.0))


@pytest.fixture(scope="session")
def small_case(phantom_case: PhantomCase) -> PhantomCase:
    return miniature(phantom_case)


@pytest.fixture(scope="session")
def written(phantom_case: PhantomCase, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """An oblique study of a GE scanner."""
    out = tmp_path_factory.mktemp("phantom")
    return phantom_case, out, write_phantom_study(phantom_case, out, vendor="ge", scenario="oblique")
