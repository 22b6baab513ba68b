"""A cohort as one Parquet file, read back and evaluated as its files are."""

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from pipeline.evaluation.parts import Masks
from pipeline.evaluation.reading import read_cohort
from pipeline.features import FeatureVector
from pipeline.training.errors import TrainingError
from pipeline.training.extraction import FEATURES
from pipeline.training.feature_table import Acquired, write_row
from pipeline.training.parquet import PARQUET, read_outlines, read_parquet, write_parquet

NAMES = ("T2_tumour_original_a", "T2_margin_original_a")
CASES = ["patient-0003", "patient-0001", "patient-0002"]
WHENCE = {"software": "1", "settings_sha256": "ab"}


def write_files(folder: Path) -> None:
    folder.mkdir()
    for n, case in enumerate(CASES):
        clinical = np.full(7, n + 0.1)
        clinical[3], clinical[6] = np.nan, n % 2
        write_row(
            folder / f"{case}.npz",
            FeatureVector(NAMES, np.array([n, 1e-300 * n])),
            clinical,
            n == 1,
            Acquired(1.5),
        )
    write_row(folder / "patient-0002.manual.npz", FeatureVector(NAMES, np.array([7.0, 8])), np.zeros(7), False)
    write_row(folder / "patient-0001.repeat-2.npz", FeatureVector(NAMES, np.array([5.0, 6])), np.zeros(7), True)


def test_parquet_when_the_files_of_the_cases_are_gone_then_the_same_cohort_is_read(tmp_path: Path) -> None:
    folder = tmp_path / FEATURES
    write_files(folder)
    before = read_cohort(folder, CASES, name="c")
    write_parquet(tmp_path / PARQUET, read_outlines(folder, CASES), WHENCE)
    for path in folder.glob("*.npz"):
        path.unlink()
    after = read_cohort(folder, CASES, name="c")
    assert before.patients == after.patients == tuple(CASES)
    for masks in Masks:
        np.testing.assert_array_equal(before.radiomics[masks].values, after.radiomics[masks].values)
    assert len(after.repeats) == 1
    np.testing.assert_array_equal(before.repeats[0].values, after.repeats[0].values)
    np.testing.assert_array_equal(before.clinical, after.clinical)
    np.testing.assert_array_equal(before.mvi, after.mvi)
    assert read_cohort(folder, CASES[1:], name="c").patients == tuple(CASES[1:])


def test_parquet_when_opened_by_another_program_then_rows_columns_and_provenance_are_named(tmp_path: Path) -> None:
    write_files(tmp_path / FEATURES)
    write_parquet(tmp_path / PARQUET, read_outlines(tmp_path / FEATURES, CASES), WHENCE)
    table = parquet.read_table(tmp_path / PARQUET)
    assert table.column_names[:5] == ["case", "outline", "mvi", "field_strength_t", "tumour_size_mm"]
    assert table.column_names[-2:] == list(NAMES)
    assert table.column("outline").to_pylist() == ["automatic"] * 3 + ["manual", "repeat-2"]
    assert read_parquet(tmp_path / PARQUET)[1] == WHENCE


def test_parquet_when_it_is_something_else_then_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / PARQUET).write_bytes(b"PAR1 no")
    with pytest.raises(TrainingError, match="is no table of features"):
        read_parquet(tmp_path / PARQUET)
    with pytest.raises(TrainingError, match="is no table of features"):
        read_cohort(tmp_path / FEATURES, CASES, name="c")
    (tmp_path / PARQUET).unlink()
    with pytest.raises(TrainingError, match="no case has features"):
        read_cohort(tmp_path / FEATURES, CASES, name="c")
