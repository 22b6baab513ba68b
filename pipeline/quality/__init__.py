"""Quality gates: what must hold before a result is believed."""

from pipeline.quality.anatomy import coverage_gate, hepatobiliary_gate, liver_gates, tumour_gates
from pipeline.quality.fit import (
    agent_doubt,
    agent_gates,
    displaced_likeness,
    distribution_gates,
    field_strength_doubt,
    field_strength_gates,
    registration_gates,
)
from pipeline.quality.refusal import REFUSALS, Refusal, require
from pipeline.quality.settings import GateSettings
from pipeline.quality.worth import weakness

__all__ = [
    "REFUSALS",
    "GateSettings",
    "Refusal",
    "agent_doubt",
    "agent_gates",
    "coverage_gate",
    "displaced_likeness",
    "distribution_gates",
    "field_strength_doubt",
    "field_strength_gates",
    "hepatobiliary_gate",
    "liver_gates",
    "registration_gates",
    "require",
    "tumour_gates",
    "weakness",
]
