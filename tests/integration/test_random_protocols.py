"""Protocols that nobody planned, of every vendor: what can be matched is matched rightly, the rest refused."""

from pathlib import Path

import pytest

from config.series_rules import load_series_rules
from pipeline.phantom import PhantomCase
from tests.integration.random_protocols import answer_at_random
from tests.integration.scenario_table import Cases

SEEDS = range(20)


@pytest.fixture(scope="module")
def case() -> PhantomCase:
    return Cases(7).of("standard")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_complete_random_protocol_is_right_or_refused_where_nothing_tells_its_phases_apart(
    case: PhantomCase, tmp_path: Path, seed: int
) -> None:
    outcome = answer_at_random(case, seed, tmp_path, load_series_rules())
    assert outcome.right, str(outcome)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_protocol_that_lacks_a_role_is_refused(case: PhantomCase, tmp_path: Path, seed: int) -> None:
    outcome = answer_at_random(case, seed, tmp_path, load_series_rules(), lacking=True)
    assert not outcome.dangerous, str(outcome)
    assert outcome.code is not None
