from itertools import pairwise

import pytest
import torch

from pipeline.segmentation.network import ResUNet, load_weights, weights_of


@pytest.mark.parametrize("shape", [(16, 16, 16), (16, 24, 32)])
def test_network_when_given_a_patch_then_logits_have_its_shape(shape: tuple[int, int, int]) -> None:
    network = ResUNet(6, 3, (4, 8, 16, 32))
    assert network.stride == 8
    assert network(torch.zeros(2, 6, *shape)).shape == (2, 3, *shape)


def test_network_when_of_the_bundle_then_it_has_the_parameters_counted_by_hand() -> None:
    def block(fan_in: int, fan_out: int) -> int:
        shortcut = fan_in * fan_out
        return 27 * fan_in * fan_out + 27 * fan_out**2 + 4 * fan_out + shortcut

    def up(coarse: int, fine: int) -> int:
        return 8 * coarse * fine + fine

    levels = (16, 32, 64, 128)
    expected = block(6, 16) + 16 * 3 + 3
    for fine, coarse in pairwise(levels):
        expected += block(fine, coarse) + up(coarse, fine) + block(2 * fine, fine)
    network = ResUNet(6, 3, levels)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    assert 1.3e6 < expected < 1.6e6


def test_network_when_one_level_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="two levels"):
        ResUNet(6, 3, (16,))


def test_weights_when_moved_to_another_network_then_it_computes_the_same() -> None:
    torch.manual_seed(1)
    first, second = ResUNet(6, 3, (4, 8)), ResUNet(6, 3, (4, 8))
    patch = torch.rand(1, 6, 8, 8, 8)
    assert not torch.equal(first(patch), second(patch))
    load_weights(second, weights_of(first))
    assert torch.equal(first(patch), second(patch))


def test_weights_when_of_another_width_then_the_parameter_is_named() -> None:
    weights = weights_of(ResUNet(6, 3, (4, 8)))
    with pytest.raises(ValueError, match=r"stem\.first\.weight"):
        load_weights(ResUNet(6, 3, (5, 8)), weights)
    weights.pop("head.bias")
    with pytest.raises(ValueError, match=r"head\.bias"):
        load_weights(ResUNet(6, 3, (4, 8)), weights)


def test_network_when_differentiated_then_every_parameter_gets_a_finite_gradient() -> None:
    network = ResUNet(6, 3, (4, 8, 16))
    network(torch.rand(1, 6, 8, 12, 8)).square().sum().backward()
    silent = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert silent == []
    assert all(
        bool(torch.isfinite(parameter.grad).all())
        for parameter in network.parameters()
        if parameter.grad is not None
    )
