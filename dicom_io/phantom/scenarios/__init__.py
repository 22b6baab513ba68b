"""Studies that go well and studies that must be refused; `SCENARIOS` by name on the command line."""

from collections.abc import Mapping
from types import MappingProxyType

from dicom_io.phantom.scenario import Scenario
from dicom_io.phantom.scenarios import (
    clocks,
    damage,
    diffusion,
    dixon,
    geometry,
    headers,
    identities,
    names,
    phases,
    processed,
    protocols,
)

__all__ = ["SCENARIOS"]

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        "standard": Scenario("six sequences and the usual distractors, axial"),
        **geometry.SCENARIOS,
        **phases.SCENARIOS,
        **processed.SCENARIOS,
        **clocks.SCENARIOS,
        **dixon.SCENARIOS,
        **diffusion.SCENARIOS,
        **protocols.SCENARIOS,
        **names.SCENARIOS,
        **headers.SCENARIOS,
        **identities.SCENARIOS,
        **damage.SCENARIOS,
    }
)
"""By name on the command line."""
