"""What a model bundle states about lesions."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LesionSettings(BaseModel):
    """What counts as a lesion, and how wide its margin is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    margin_mm: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Width of the peritumoural margin, mm, from the centres of the outermost lesion voxels."""
    minimum_volume_mm3: Annotated[float, Field(ge=0)] = 150.0
    """Smaller components are dropped, mm3; the default is a ball of 6.6 mm."""
    minimum_liver_contact: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the voxels around a component that must be liver; what has less lies beside the liver (heart,
    stomach, kidney) and is set aside with a warning."""
    set_aside_below_cm3: Annotated[float, Field(ge=0)] = 50.0
    """Only components smaller than this are judged by their contact: a large tumour may reach the surface of the
    liver on every side."""
