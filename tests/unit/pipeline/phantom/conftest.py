import pytest

from pipeline.phantom import PhantomCase, PhantomSettings, make_case


@pytest.fixture(scope="session")
def case() -> PhantomCase:
    """One tumour of middle size, with all distractors."""
    return make_case(11, settings=PhantomSettings(tumour_count=1, tumour_diameter_mm=(40, 60)))
