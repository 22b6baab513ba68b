"""The benchmark of the GPU, on a processor in its place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.segmentation import backends, gpu
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.training.settings import SegmentationTrainingSettings
from tests.bench import bench_gpu
from tests.unit.pipeline.segmentation.test_segment import SETTINGS, channels_of_a_ball, random_weights
from tests.unit.pipeline.training.ellipsoids import write_ball

NETWORK = SegmentationSettings(channels=(2, 4), patch_kji=(8, 16, 16), stride_kji=(8, 16, 16))


def test_main_when_there_is_no_gpu_then_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("sys.argv", ["bench_gpu", "--work", str(tmp_path / "work")])
    assert bench_gpu.main() == 0
    assert "nothing measured" in capsys.readouterr().out
    assert not (tmp_path / "work").exists()


def test_train_when_stopped_then_the_steps_that_are_done_twice_agree_and_the_others_are_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_gpu, "WARM_STEPS", 1)
    monkeypatch.setattr(bench_gpu, "TIMED_STEPS", 2)
    said: dict[str, dict[str, Any]] = {}
    cases = [write_ball(tmp_path / f"case{seed}", seed) for seed in range(2)]
    bench_gpu.train_on(
        cases[:1],
        cases[1:],
        tmp_path,
        network=NETWORK,
        settings=SegmentationTrainingSettings(steps=10, patch_kji=(8, 16, 16)),
        device=torch.device("cpu"),
        budget_s=600.0,
        say=lambda what, **facts: said.update({f"{what} {facts.get('of', '')}".strip(): facts}),
    )
    assert said["stopped"]["step"] == 5
    trained = said["trained"]
    assert (trained["steps"], trained["resumed_after"]) == (10, 4)
    assert (trained["steps_done_twice"], trained["largest_difference_of_loss"]) == (1, 0.0)
    assert said["held_out liver"]["cases"] == said["held_out tumour"]["cases"] == 1


def test_serve_when_the_gpu_is_a_processor_then_the_masks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "CUDA", "cpu")
    monkeypatch.setattr(backends, "_ready", {})
    monkeypatch.setattr(bench_gpu, "WARM_CALLS", 1)
    said: dict[str, Any] = {}
    mask = bench_gpu.serve(
        channels_of_a_ball(),
        random_weights(),
        SETTINGS,
        name="small",
        say=lambda _what, **facts: said.update(facts),
    )
    assert len(np.unique(mask)) > 1
    assert (said["liver_dice"], said["differing_voxels"], said["warnings"]) == (1.0, 0, [])
