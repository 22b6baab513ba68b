"""Dice of the segmentation on cases that it did not learn from."""

import json
from pathlib import Path

import pytest

from pipeline.training.held_out import held_out_dice


def test_dice_when_measured_then_a_case_that_the_segmentation_learnt_from_counts_not(tmp_path: Path) -> None:
    for name, value in zip("abcd", (0.1, 0.8, 0.9, 1.0), strict=True):
        document = {"segmentation": {"T1_HEPATOBILIARY": value}, "liver": {}}
        (tmp_path / f"{name}.agreement.json").write_text(json.dumps(document), encoding="utf-8")
    found = held_out_dice(tmp_path, "bcd")
    assert found.keys() == {"tumour"}
    assert found["tumour"]["cases"] == 3
    assert found["tumour"]["mean"] == pytest.approx(0.9)
    low, high = found["tumour"]["interval_95"]
    assert 0.8 <= low < 0.9 < high <= 1.0


def test_dice_when_nobody_outlined_anything_then_nothing_is_told(tmp_path: Path) -> None:
    assert held_out_dice(tmp_path, ["a"]) == {}
