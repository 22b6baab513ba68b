"""How a sequence is aligned."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from config.parameter_maps import TRANSFORMS, read_parameter_map, require_transform


class RegistrationSettings(BaseModel):
    """How a sequence is aligned; part of the model bundle."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    parameters: dict[str, tuple[str, ...]] = Field(default_factory=read_parameter_map)
    """Elastix parameter map; the default is config/elastix/rigid.txt."""
    initialisation: Literal["identity", "geometry", "best"] = "best"
    """Start: scanner coordinates as they are, centres of the grids together, or whichever has more mutual
    information."""
    deformable: dict[str, tuple[str, ...]] | None = None
    """Elastix parameter map of a second step with B-splines; true: config/elastix/bspline.txt; none: rigid alone,
    as in the paper."""
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    """Threads of elastix; a fixed number, because the last digits depend on it."""

    @field_validator("parameters")
    @classmethod
    def _rigid(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return require_transform(value, TRANSFORMS["rigid"])

    @field_validator("deformable")
    @classmethod
    def _b_spline(cls, value: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
        return None if value is None else require_transform(value, TRANSFORMS["bspline"])

    @field_validator("deformable", mode="before")
    @classmethod
    def _true_is_the_map_of_the_software(cls, value: object) -> object:
        if isinstance(value, bool):
            return read_parameter_map("bspline") if value else None
        return value
