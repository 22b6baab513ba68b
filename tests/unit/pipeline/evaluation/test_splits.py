import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.errors import EvaluationError
from pipeline.evaluation.splits import Part, Split, make_splits


def split(mvi: list[bool] | np.ndarray, repeats: int = 20, seed: int = 0) -> tuple[Split, ...]:
    return make_splits(np.array(mvi), repeats=repeats, seed=seed, test_share=0.5, validation_share=0.1)


def test_splits_when_the_cohort_is_that_of_the_paper_then_parts_are_40_10_50_in_both_classes() -> None:
    mvi = np.arange(420) < 140
    for one in split(mvi):
        counts = {part: (int(mvi[one.rows(part)].sum()), len(one.rows(part))) for part in Part}
        assert counts == {Part.TRAINING: (56, 168), Part.VALIDATION: (14, 42), Part.TEST: (70, 210)}


@given(st.integers(3, 40), st.integers(3, 40), st.integers(0, 100))
def test_splits_when_cohorts_are_small_then_each_patient_is_in_one_part_and_each_class_in_all(
    positive: int, negative: int, seed: int
) -> None:
    mvi = np.arange(positive + negative) < positive
    for one in split(mvi, repeats=2, seed=seed):
        rows = np.concatenate([one.rows(part) for part in Part])
        assert sorted(rows) == list(range(len(mvi)))
        assert all(0 < mvi[one.rows(part)].sum() < len(one.rows(part)) for part in Part)


def test_splits_when_made_again_then_are_the_same_and_differ_among_each_other() -> None:
    mvi = np.arange(60) < 20
    first, again, more = split(mvi), split(mvi), split(mvi, repeats=30)
    assert all((a.test == b.test).all() for a, b in zip(first, again, strict=True))
    assert all((a.test == b.test).all() for a, b in zip(first, more[:20], strict=True))
    assert len({one.test.tobytes() for one in first}) == 20


def test_splits_when_a_class_has_two_patients_then_are_refused_with_what_to_do() -> None:
    with pytest.raises(EvaluationError, match=r"EV-FEW: 2 patients with and 40 without.*add patients"):
        split(np.arange(42) < 2)
