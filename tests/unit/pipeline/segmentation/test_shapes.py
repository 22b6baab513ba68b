import pytest

from pipeline.segmentation.backends import build_network
from pipeline.segmentation.settings import SegmentationSettings
from pipeline.segmentation.shapes import network_shapes


@pytest.mark.parametrize("channels", [(4, 8), (8, 16, 32), (8, 8, 16), (6, 12), (3, 6, 6)])
def test_network_shapes_when_compared_with_the_network_then_names_and_shapes_are_its_own(
    channels: tuple[int, ...],
) -> None:
    settings = SegmentationSettings(channels=channels)
    state = build_network(settings).state_dict()
    assert network_shapes(settings) == {name: tuple(tensor.shape) for name, tensor in state.items()}
