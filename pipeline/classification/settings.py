"""What a model bundle states about its classifier."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Width = Annotated[int, Field(ge=1, le=4096)]


class ClassificationSettings(BaseModel):
    """The two-layer network of the paper and the reading of its ensemble."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    components: Annotated[int, Field(ge=1, le=1000)] = 20
    """Principal components of the radiomics features."""
    radiomics_width: Width = 256
    """h1 of the paper: units of the radiomics branch."""
    clinical_width: Width = 256
    """h2 of the paper: units of the clinical branch."""
    joint_width: Width = 512
    """h3 of the paper: units of the layer in which both branches meet."""
    widest_interval: Annotated[float, Field(gt=0, le=1)] = 0.6
    """A wider 95 % interval makes the category uncertain."""
    bounded_clinical: tuple[str, ...] = ()
    """Clinical features that were trained with bounds: ``<5`` may stand for 5 there, and nowhere else."""
