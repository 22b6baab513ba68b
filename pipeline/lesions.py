"""Lesions of a label map: components, margin, size."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class LesionSettings(BaseModel):
    """What counts as a lesion, and how wide its margin is."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    margin_mm: Annotated[float, Field(gt=0, le=30)] = 5.0
    """Width of the peritumoural margin, mm."""
    minimum_volume_mm3: Annotated[float, Field(ge=0)] = 150.0
    """Smaller components are dropped, mm3; the default is a ball of 6.6 mm."""
