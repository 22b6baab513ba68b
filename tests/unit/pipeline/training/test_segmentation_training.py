import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.overlap import dice
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.training.case_store import TrainingCase, read_case
from pipeline.training.checkpoint import CHECKPOINT
from pipeline.training.device import Device, choose_device
from pipeline.training.drawing import batches, threads_for
from pipeline.training.errors import TrainingError
from pipeline.training.loss import LOSSES
from pipeline.training.patch_sampling import cases_in_play, patch_at, sample, step_random
from pipeline.training.segmentation import Progress, learning_rate_at, train
from pipeline.training.settings import SegmentationTrainingSettings
from tests.unit.pipeline.training.ellipsoids import write_ball

NETWORK = SegmentationSettings(channels=(4, 8), patch_kji=(8, 16, 16), stride_kji=(4, 8, 8))
SETTINGS = SegmentationTrainingSettings(
    steps=30,
    learning_rate=1e-2,
    warm_up_steps=2,
    patch_kji=(8, 16, 16),
    average_decay=0.8,
    validate_every=30,
    seed=3,
)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("cases")
    return [write_ball(folder / f"case{seed}", seed) for seed in range(5)]


def run(
    cases: list[Path],
    work: Path,
    settings: SegmentationTrainingSettings = SETTINGS,
    report: Callable[[Progress], None] = lambda _: None,
    network: SegmentationSettings = NETWORK,
) -> dict[str, np.ndarray]:
    def wait_for(folder: Path) -> None:
        assert folder.is_dir()

    return train(
        cases[:4],
        cases[4:],
        network=network,
        settings=settings,
        work=work,
        clock=lambda: 0.0,
        wait_for=wait_for,
        report=report,
    )


class KilledError(Exception):
    """Stands for a power cut."""


def test_train_when_the_task_is_learnable_then_the_loss_falls_and_the_held_out_ball_is_found(
    cases: list[Path], tmp_path: Path
) -> None:
    seen: list[Progress] = []
    run(cases, tmp_path, SETTINGS.model_copy(update={"steps": 120, "validate_every": 120}), seen.append)
    assert np.mean([p.loss for p in seen[-10:]]) < 0.5 * np.mean([p.loss for p in seen[:10]])
    liver, tumour = seen[-1].held_out[0]
    assert liver > 0.8
    assert tumour > 0.7


def test_train_when_repeated_with_the_same_seed_then_the_weights_are_the_same(
    cases: list[Path], tmp_path: Path
) -> None:
    first, second = run(cases, tmp_path / "a"), run(cases, tmp_path / "b")
    other = run(cases, tmp_path / "c", SETTINGS.model_copy(update={"seed": 4}))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


def test_train_when_killed_and_resumed_then_the_weights_equal_an_uninterrupted_run(
    cases: list[Path], tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"checkpoint_every": 10})

    def kill(progress: Progress) -> None:
        if progress.step == 17:
            raise KilledError

    with pytest.raises(KilledError):
        run(cases, tmp_path / "killed", settings, kill)
    steps: list[int] = []
    resumed = run(cases, tmp_path / "killed", settings, lambda progress: steps.append(progress.step))
    assert steps[0] == 11
    whole = run(cases, tmp_path / "whole", settings)
    assert all(np.array_equal(resumed[name], whole[name]) for name in whole)


def test_train_when_resumed_with_other_settings_then_the_setting_is_named(
    cases: list[Path], tmp_path: Path
) -> None:
    short = SETTINGS.model_copy(update={"steps": 2})
    run(cases, tmp_path, short)
    with pytest.raises(TrainingError, match=r"another learning_rate, seed"):
        run(cases, tmp_path, short.model_copy(update={"seed": 9, "learning_rate": 0.5}))


def test_train_when_resumed_with_another_network_then_it_is_refused(cases: list[Path], tmp_path: Path) -> None:
    short = SETTINGS.model_copy(update={"steps": 2})
    run(cases, tmp_path, short)
    with pytest.raises(TrainingError, match="another network"):
        run(cases, tmp_path, short, network=NETWORK.model_copy(update={"channels": (4, 6)}))


def test_batches_when_threads_draw_ahead_then_they_are_the_same_and_a_case_is_waited_for_in_its_turn(
    cases: list[Path],
) -> None:
    settings = SETTINGS.model_copy(update={"steps": 12, "batch": 2, "first_cases": 1, "steps_per_case": 3})
    asked: list[int] = []

    def cases_at(step: int) -> list[TrainingCase]:
        asked.append(step)
        return [read_case(folder) for folder in cases[: cases_in_play(step, 4, settings)]]

    alone = list(batches(2, settings, cases_at, 0))
    assert asked == list(range(2, 12))
    ahead = list(batches(2, settings, cases_at, 3))
    assert asked == [*range(2, 12)] * 2
    assert len(alone) == len(ahead) == 10
    assert not torch.equal(alone[0][0], alone[1][0])
    for first, second in zip(alone, ahead, strict=True):
        assert all(torch.equal(*parts) for parts in zip(first, second, strict=True))


def test_batches_when_the_training_is_stopped_then_no_thread_goes_on(cases: list[Path]) -> None:
    drawn = batches(0, SETTINGS, lambda _step: [read_case(cases[0])], 2)
    before = threading.active_count()
    next(drawn)
    assert threading.active_count() == before + 2
    drawn.close()
    assert threading.active_count() == before


def test_threads_when_there_is_a_gpu_then_some_draw_beside_it() -> None:
    assert threads_for(torch.device("cpu")) == 0
    assert threads_for(torch.device("cuda")) >= 1


def test_sample_when_half_are_tumour_patches_then_the_labels_stay_aligned_with_the_fixed_channel(
    cases: list[Path],
) -> None:
    case = read_case(cases[0])
    for step in range(20):
        channels, labels = sample(case, patch_at(step, SETTINGS), SETTINGS, step_random(0, step))
        assert channels.shape == (6, 8, 16, 16)
        fixed = channels[5]
        if (labels == 2).sum() > 20 and (labels == 0).sum() > 20:
            assert fixed[labels == 2].mean() > fixed[labels == 0].mean() + 0.2


@pytest.mark.parametrize(("axis", "begins"), [(0, {0, 5, 10, 12}), (1, {0, 8, 14}), (2, {0, 8, 14})])
def test_sample_when_there_is_a_stride_then_patches_begin_on_its_lattice_or_end_with_the_volume(
    cases: list[Path], axis: int, begins: set[int]
) -> None:
    shape = (20, 30, 30)
    places = np.broadcast_to(np.expand_dims(np.arange(shape[axis]), [n for n in range(3) if n != axis]), shape)
    everywhere = np.argwhere(np.ones(shape, bool)).astype(np.int32)
    case = replace(
        read_case(cases[0]),
        channels=np.zeros((6, *shape), np.float16),
        labels=places.astype(np.uint8),
        liver_points=everywhere,
        tumour_points=everywhere,
    )
    strided = SETTINGS.model_copy(update={"stride_kji": (5, 8, 8)})
    patch = np.array([8, 16, 16])
    seen = {int(sample(case, patch, strided, step_random(0, step))[1].min()) for step in range(200)}
    assert seen == begins


def test_sample_when_flips_are_asked_for_then_both_sides_come_and_labels_turn_with_the_image(
    cases: list[Path],
) -> None:
    case = read_case(cases[0])
    plain = SETTINGS.model_copy(update={"misregistration_mm": 0.0})
    flipped = plain.model_copy(update={"flip_axes": ("i",)})
    turned = 0
    for step in range(20):
        patch = patch_at(step, SETTINGS)
        first, truth = sample(case, patch, plain, step_random(0, step))
        second, turned_truth = sample(case, patch, flipped, step_random(0, step))
        if torch.equal(first, second):
            assert torch.equal(truth, turned_truth)
        else:
            assert torch.equal(first, second.flip(3))
            assert torch.equal(truth, turned_truth.flip(2))
            turned += 1
    assert 4 < turned < 16


def test_train_when_the_checkpoint_is_older_than_a_setting_then_it_goes_on(
    cases: list[Path], tmp_path: Path
) -> None:
    run(cases, tmp_path, SETTINGS.model_copy(update={"steps": 2}))
    stored = torch.load(tmp_path / CHECKPOINT, weights_only=True)
    del stored["settings"]["flip_axes"]
    torch.save(stored, tmp_path / CHECKPOINT)
    seen: list[Progress] = []
    run(cases, tmp_path, SETTINGS.model_copy(update={"steps": 3}), seen.append)
    assert [progress.step for progress in seen] == [3]


def test_device_when_there_is_no_gpu_then_auto_takes_the_processor_and_cuda_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(Device.AUTO) == choose_device(Device.CPU) == torch.device("cpu")
    with pytest.raises(TrainingError, match="leave --device out"):
        choose_device(Device.CUDA)


def test_device_when_there_is_a_gpu_then_auto_takes_it_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(Device.AUTO) == choose_device(Device.CUDA) == torch.device("cuda")
    assert choose_device(Device.CPU) == torch.device("cpu")


def test_cases_in_play_when_cases_join_then_the_number_depends_on_the_step_alone() -> None:
    settings = SETTINGS.model_copy(update={"first_cases": 2, "steps_per_case": 10})
    assert [cases_in_play(step, 4, settings) for step in (0, 9, 10, 20, 500)] == [2, 2, 3, 4, 4]
    assert cases_in_play(0, 4, SETTINGS) == 4


def test_patch_when_the_last_steps_come_then_it_is_the_final_one() -> None:
    settings = SETTINGS.model_copy(update={"steps": 40, "final_patch_kji": (16, 24, 24), "final_fraction": 0.25})
    assert [tuple(patch_at(step, settings)) for step in (0, 29, 30)] == [(8, 16, 16), (8, 16, 16), (16, 24, 24)]


def test_learning_rate_when_the_schedule_runs_then_it_rises_and_falls_to_zero() -> None:
    settings = SegmentationTrainingSettings(steps=100, warm_up_steps=9, learning_rate=1.0)
    rates = [learning_rate_at(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9]
    assert rates[-1] < 1e-3


def test_dice_when_half_overlaps_then_it_is_two_thirds() -> None:
    first, second = np.array([1, 1, 0], bool), np.array([0, 1, 0], bool)
    assert dice(first, second) == pytest.approx(2 / 3)
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 1.0


def test_loss_when_the_prediction_is_perfect_then_it_vanishes() -> None:
    labels = torch.tensor([0, 1, 2, 1]).reshape(1, 1, 2, 2)
    logits = torch.nn.functional.one_hot(labels, 3).movedim(-1, 1) * 50.0
    for loss in LOSSES.values():
        assert float(loss(logits, labels)) == pytest.approx(0, abs=1e-4)
        assert float(loss(-logits, labels)) > 0.7


def test_loss_when_chosen_then_it_is_one_part_or_the_sum_of_both() -> None:
    labels = torch.tensor([0, 1, 2, 1]).reshape(1, 1, 2, 2)
    logits = torch.arange(12.0).reshape(1, 3, 1, 2, 2).cos()
    both, overlap, entropy = (float(loss(logits, labels)) for loss in LOSSES.values())
    assert both == pytest.approx(overlap + entropy)
    assert entropy == pytest.approx(float(-logits.log_softmax(1).gather(1, labels[:, None]).mean()))
    # Every voxel alike: each foreground class has a third of its voxels, (2 n / 3 + 1) / (4 / 3 + n + 1).
    alike = (2 * np.array([2, 1]) / 3 + 1) / (4 / 3 + np.array([2, 1]) + 1)
    found = LOSSES["dice"](torch.zeros(1, 3, 1, 2, 2), labels)
    assert float(found) == pytest.approx(1 - alike.mean())
