"""The patches of coming steps, drawn in threads while a GPU computes the present one."""

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from pipeline.training.case_store import TrainingCase
from pipeline.training.patch_sampling import patch_at, sample, step_random
from pipeline.training.settings import SegmentationTrainingSettings

Batch = tuple[Tensor, Tensor]
"""Channels (n, 6, k, j, i) and labels (n, k, j, i)."""
MOST_THREADS = 8
"""A patch takes a processor 0.08 s, a step of a fast GPU half of that: two would do, more cover a slow disk."""
AHEAD = 2
"""Batches for each thread that wait at most, 25 MB a patch."""


def threads_for(device: torch.device) -> int:
    """Return how many threads draw beside `device`: none beside a processor, which has no time left for it."""
    if device.type == "cpu":
        return 0
    return max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


def batches(
    first: int,
    settings: SegmentationTrainingSettings,
    cases_at: Callable[[int], Sequence[TrainingCase]],
    threads: int,
) -> Generator[Batch, None, None]:
    """Draw the batches of the steps from `first` on, in their order.

    A batch is a function of seed, step and cases alone: the same for any number of threads.

    Parameters
    ----------
    first
        Step.
    settings
        Patches, and the number of steps.
    cases_at
        Cases that a step draws from; called in the caller's thread, step by step, and may wait.
    threads
        0: each batch is drawn when it is asked for.
    """
    steps = range(first, settings.steps)
    if threads == 0:
        for step in steps:
            yield _draw(cases_at(step), step, settings)
        return
    # One thread of torch in each: theirs and ours would wait for one another otherwise.
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        coming: deque[Future[Batch]] = deque()
        try:
            for step in steps:
                coming.append(pool.submit(_draw, cases_at(step), step, settings))
                if len(coming) > threads * AHEAD:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _draw(cases: Sequence[TrainingCase], step: int, settings: SegmentationTrainingSettings) -> Batch:
    random = step_random(settings.seed, step)
    patch = patch_at(step, settings)
    drawn = [
        sample(cases[int(random.integers(len(cases)))], patch, settings, random) for _ in range(settings.batch)
    ]
    return torch.stack([channels for channels, _ in drawn]), torch.stack([truth for _, truth in drawn])
