"""How the networks of a bundle are fitted."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.segmentation.settings import Axis, Triple

Fraction = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0.1, le=10)]
Range = tuple[Factor, Factor]
Offset = Annotated[float, Field(ge=-1, le=1)]


class ExtractionSettings(BaseModel):
    """What extraction measures beside the features that the classifier learns from."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    repeats: Annotated[int, Field(ge=0, le=9)] = 2
    """Outlines that are drawn anew from the automatic one, for the stability of the features."""
    repeat_cases: Annotated[int, Field(ge=0)] = 20
    """The first cases of the cohort for which that is done: each outline costs another extraction."""


class AugmentationSettings(BaseModel):
    """Random variation of training patches, each sequence by itself; flips and shifts are settings beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    change_probability: Fraction = 0.5
    """Of each of the next four kinds of change; 0: none of them."""
    gamma: Range = (0.75, 1.35)
    """Exponents of intensities from 0 to 1."""
    scale: Range = (0.85, 1.15)
    """Factors of intensities."""
    offset: tuple[Offset, Offset] = (-0.05, 0.05)
    """What is added to intensities, drawn with `scale`."""
    bias: Fraction = 0.15
    """Relative amplitude of a smooth field over the patch: what the coils leave."""
    noise: Fraction = 0.05
    """Largest standard deviation of Gaussian noise."""
    drop_probability: Fraction = 0.04
    """Of replacing a moving sequence by noise: one spoilt by motion must not take the tumour with it."""

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name in ("gamma", "scale", "offset"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must be the smallest, then the largest value")
        return self


class SegmentationTrainingSettings(BaseModel):
    """Optimisation of the segmentation network; the defaults are the paper's where it states one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    steps: Annotated[int, Field(ge=1)] = 2000
    """Updates of the weights (paper: 2000)."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    """Peak of the schedule (paper: 2e-4): linear warm-up, then a half cosine to zero."""
    warm_up_steps: Annotated[int, Field(ge=0)] = 50
    """Steps of the linear warm-up."""
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-4
    """Decoupled weight decay of AdamW."""
    patch_kji: Triple = (64, 128, 128)
    """Training patch, voxels (paper: 64 x 128 x 128)."""
    stride_kji: Triple = (1, 1, 1)
    """Lattice on which training patches begin, voxels (paper: 10 x 20 x 20); the last of an axis ends with the
    volume. By default every voxel: the paper's patches, and all between them."""
    final_patch_kji: Triple | None = None
    """Patch of the last steps, voxels: after small, quick patches the network meets those of the inference, whose
    instance statistics differ. None: the same throughout."""
    final_fraction: Fraction = 0.25
    """Share of the steps with `final_patch_kji`."""
    batch: Annotated[int, Field(ge=1)] = 1
    """Patches a step."""
    tumour_fraction: Fraction = 0.5
    """Share of the patches centred near a tumour voxel."""
    liver_fraction: Fraction = 0.3
    """Share of the patches centred near a liver voxel; the rest lie anywhere."""
    misregistration_mm: Annotated[float, Field(ge=0, le=5)] = 2.0
    """Largest random shift of a moving sequence along each axis, mm: what registration may leave."""
    augmentation: AugmentationSettings = AugmentationSettings()
    """Intensity, bias field, noise, dropped sequences."""
    loss: Literal["dice+cross-entropy", "dice", "cross-entropy"] = "dice+cross-entropy"
    """What is minimised; Dice is that of the foreground classes over the batch."""
    flip_axes: Annotated[tuple[Axis, ...], Field(max_length=3)] = ()
    """Axes along which a patch is mirrored every second time. None unless asked for: a liver lies on the right."""
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.995
    """Decay of the running average of the weights, which is what is evaluated and kept."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the convolutions while training; weights and inference stay float32."""
    first_cases: Annotated[int, Field(ge=1)] = 8
    """Cases drawn from at the first step; see `steps_per_case`."""
    steps_per_case: Annotated[int, Field(ge=0)] = 0
    """One more case joins after so many steps, so that training starts before all are written; 0: all at once."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 200
    """Steps between checkpoints."""
    validate_every: Annotated[int, Field(ge=1)] = 400
    """Steps between evaluations on the held-out cases."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the initial weights, the patches and the augmentation."""


class ClassifierTrainingSettings(BaseModel):
    """Fit of the classifier; the network is the paper's, the optimisation is not stated there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    members: Annotated[int, Field(ge=2, le=20)] = 5
    """Folds of a split of the cases; each is left out by a network of its own, which is measured on it."""
    splits: Annotated[int, Field(ge=1, le=20)] = 4
    """How often the cases are split. The ensemble has splits times members networks, each 1.7 MB of the bundle,
    and the interval of a risk is their spread."""
    epochs: Annotated[int, Field(ge=1)] = 20
    """Passes over the training part; fixed, so that the left-out fold chooses nothing."""
    batch: Annotated[int, Field(ge=2)] = 16
    """Cases a step; at least two, for batch normalisation."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-4
    """Of AdamW. Faster or longer fits rank left-out cases no better and make the members disagree more."""
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-2
    """Regularisation of the weights towards zero."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """After each hidden layer."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the splits, starts, batches and dropout."""
