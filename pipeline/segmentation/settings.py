"""What a model bundle states about its segmentation network."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[
    Annotated[int, Field(ge=1, le=1024)],
    Annotated[int, Field(ge=1, le=1024)],
    Annotated[int, Field(ge=1, le=1024)],
]
Axis = Literal["k", "j", "i"]


class NormalisationSettings(BaseModel):
    """How intensities become 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    body_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.12
    """Body: brighter than this fraction of the 99th percentile of the hepatobiliary phase, holes filled."""
    low_percentile: Annotated[float, Field(ge=0, lt=50)] = 1.0
    """Percentile over the body that becomes 0."""
    high_percentile: Annotated[float, Field(gt=50, le=100)] = 99.5
    """Percentile over the body that becomes 1."""


class SegmentationSettings(BaseModel):
    """Network, patches and normalisation; part of a model bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    channels: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=2, max_length=7)] = (
        16,
        32,
        64,
        128,
    )
    """Width of each level of the network, the finest first."""
    patch_kji: Triple = (64, 128, 128)
    """Patch of the inference, voxels."""
    stride_kji: Triple = (32, 100, 100)
    """Distance of neighbouring patches, voxels; not larger than the patch."""
    search: Literal["body", "liver", "liver-tight"] = "liver-tight"
    """Patches of the whole body, or of the region of the liver that a first look at half resolution sees; tight:
    with less margin around it where that saves patches."""
    blending: Literal["gaussian", "uniform"] = "gaussian"
    """How overlapping patches share a voxel: the middle of a patch counts more, or every patch the same."""
    flip_axes: Annotated[tuple[Axis, ...], Field(max_length=3)] = ()
    """Axes along which each patch is mirrored too, and the answers averaged: every axis doubles the time. For a
    network that was trained so."""
    normalisation: NormalisationSettings = NormalisationSettings()
    """How intensities become 0 to 1."""

    @model_validator(mode="after")
    def _patches_fit(self) -> Self:
        factor = 2 ** (len(self.channels) - 1)
        if any(side % factor for side in self.patch_kji):
            raise ValueError(f"patch_kji must be multiples of {factor} for {len(self.channels)} levels")
        if any(step > side for step, side in zip(self.stride_kji, self.patch_kji, strict=True)):
            raise ValueError("stride_kji must not exceed patch_kji: voxels between the patches would be lost")
        if len(set(self.flip_axes)) != len(self.flip_axes):
            raise ValueError("flip_axes names an axis twice")
        return self
