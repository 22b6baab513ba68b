"""The filtered images of several sequences, made by a thread while the features of the last are computed."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from pipeline.radiomics.filters import Box, Float32Array, filtered_images, normalised
from pipeline.radiomics.names import image_types
from pipeline.radiomics.settings import RadiomicsSettings
from pipeline.study import Role
from pipeline.volume import Volume


@dataclass(frozen=True)
class Filtered:
    """What a thread makes of one sequence.

    Parameters
    ----------
    role
        Of the sequence.
    images
        As of `filtered_images`, each as soon as it is there.
    intensities
        Waits for mean, least and largest value of the whole sequence.
    """

    role: Role
    images: Iterator[tuple[str, Float32Array]]
    intensities: Callable[[], list[float]]


def filtered_ahead(volumes: Mapping[Role, Volume], box: Box, settings: RadiomicsSettings) -> Iterator[Filtered]:
    """Yield the sequences one after another, each with a thread that filters it: ITK lets Python go on.

    The next sequence is begun with this one. Filtering takes two thirds of the processor time of a small tumour:
    one thread could not keep up with what reads its images.
    """
    roles = list(volumes)
    with ExitStack() as stack:
        following = _Begun(stack, volumes[roles[0]], box, settings, roles[0])
        for role, after in zip(roles, [*roles[1:], None], strict=True):
            begun = following
            if after is not None:
                following = _Begun(stack, volumes[after], box, settings, after)
            yield Filtered(role, begun.images(), begun.intensities.result)
            begun.end()


class _Begun:
    """A sequence that a thread of its own filters."""

    def __init__(
        self, stack: ExitStack, volume: Volume, box: Box, settings: RadiomicsSettings, role: Role
    ) -> None:
        self._thread = ThreadPoolExecutor(1, "filters")
        stack.callback(self.end)
        images = _filtered(volume, box, settings, role)
        self._made = deque(self._thread.submit(next, images) for _ in image_types(settings))
        self.intensities = self._thread.submit(_intensities, volume)

    def images(self) -> Iterator[tuple[str, Float32Array]]:
        """Yield each image as soon as it is there, and let go of it."""
        while self._made:
            yield self._made.popleft().result()

    def end(self) -> None:
        """Give up what nobody read: where a region has no finite value, nobody reads the rest."""
        self._thread.shutdown(cancel_futures=True)


def _filtered(
    volume: Volume, box: Box, settings: RadiomicsSettings, role: Role
) -> Iterator[tuple[str, Float32Array]]:
    yield from filtered_images(normalised(volume, settings, sequence=role), box, settings)


def _intensities(volume: Volume) -> list[float]:
    whole = volume.array.astype(np.float64)
    return [float(whole.mean()), float(whole.min()), float(whole.max())]
