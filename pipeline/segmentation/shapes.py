"""The shape of every parameter of the network, without making it: who checks a model needs no torch."""

from collections.abc import Iterator
from itertools import pairwise

from pipeline.segmentation.settings import SegmentationSettings
from pipeline.study import Role

CLASSES = 3
"""Background, liver, tumour."""

Shape = tuple[int, ...]


def network_shapes(settings: SegmentationSettings) -> dict[str, Shape]:
    """Return the shape of every parameter of `pipeline.segmentation.network.ResUNet`, by its name."""
    channels = settings.channels
    shapes = dict(_block("stem", len(Role), channels[0]))
    for level, (fine, coarse) in enumerate(pairwise(channels)):
        shapes |= _block(f"down.{level}", fine, coarse)
    for step, (fine, coarse) in enumerate(reversed(list(pairwise(channels)))):
        shapes |= {f"up.{step}.weight": (coarse, fine, 2, 2, 2), f"up.{step}.bias": (fine,)}
        shapes |= _block(f"merge.{step}", 2 * fine, fine)
    return shapes | {"head.weight": (CLASSES, channels[0], 1, 1, 1), "head.bias": (CLASSES,)}


def _block(name: str, channels_in: int, channels_out: int) -> Iterator[tuple[str, Shape]]:
    for place, inputs in (("first", channels_in), ("second", channels_out)):
        yield f"{name}.{place}.weight", (channels_out, inputs, 3, 3, 3)
        yield f"{name}.{place}_norm.weight", (channels_out,)
        yield f"{name}.{place}_norm.bias", (channels_out,)
    # As the network: where nothing changes the shortcut has no parameter.
    if name.startswith("down.") or channels_in != channels_out:
        yield f"{name}.shortcut.weight", (channels_out, channels_in, 1, 1, 1)
