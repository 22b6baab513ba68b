"""Rows of features, joined."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.features import FeatureVector
from pipeline.training.errors import TrainingError
from pipeline.training.feature_table import Acquired, read_table, write_row
from tests.unit.pipeline.training.cohorts import make_table


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_table_when_a_feature_is_no_number_then_case_and_feature_are_named(value: float) -> None:
    table = make_table(4)
    values = table.values.copy()
    values[2, 1] = value
    with pytest.raises(TrainingError, match=f"CM-NUMBER: feature {table.names[1]} of case2 is no finite number"):
        replace(table, values=values)


def test_table_when_the_rows_tell_field_strength_and_agent_then_it_does_and_older_rows_tell_none(
    tmp_path: Path,
) -> None:
    features = FeatureVector(("a",), np.ones(1))
    write_row(tmp_path / "new.npz", features, np.zeros(7), True, Acquired(1.5, ("gadoxetate", "gadobenate"), 0.6))
    write_row(tmp_path / "old.npz", features, np.zeros(7), True)
    with np.load(tmp_path / "old.npz") as row:
        kept = {
            name: row[name]
            for name in row.files
            if name not in {"contrast_agents", "field_strength_t", "displaced_likeness"}
        }
    np.savez(tmp_path / "old.npz", **kept)
    table = read_table([tmp_path / "new.npz", tmp_path / "old.npz"])
    assert table.contrast_agents == ("gadobenate gadoxetate", "")
    np.testing.assert_array_equal(table.field_strength_t, [1.5, np.nan])
    np.testing.assert_array_equal(table.displaced_likeness, [0.6, np.nan])


def test_table_when_the_file_of_a_case_holds_nan_then_it_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_row(tmp_path / f"{name}.npz", FeatureVector(("a", "b"), np.array([1.0, 2.0])), [np.nan] * 7, True)
    with np.load(tmp_path / "two.npz") as row:
        np.savez(tmp_path / "two.npz", **{**row, "values": np.array([np.nan, 2.0])})
    with pytest.raises(TrainingError, match="CM-NUMBER: feature a of two"):
        read_table([tmp_path / "one.npz", tmp_path / "two.npz"])


def test_table_when_a_row_is_cut_off_then_its_file_is_named(tmp_path: Path) -> None:
    write_row(tmp_path / "one.npz", FeatureVector(("a",), np.ones(1)), np.zeros(7), True)
    (tmp_path / "one.npz").write_bytes((tmp_path / "one.npz").read_bytes()[:200])
    with pytest.raises(TrainingError, match=r"one\.npz cannot be read; remove it and extract again"):
        read_table([tmp_path / "one.npz"])
