"""How a sequence is aligned."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.parameter_maps import read_parameter_map


class RegistrationSettings(BaseModel):
    """How a sequence is aligned; part of the model bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    parameters: dict[str, tuple[str, ...]] = Field(default_factory=read_parameter_map)
    """Elastix parameter map; the default is config/elastix/rigid.txt."""
    initialisation: Literal["identity", "geometry", "best"] = "best"
    """Start: scanner coordinates as they are, centres of the grids together, or whichever has more mutual
    information."""
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Threads of elastix; a fixed number, because the last digits depend on it."""
