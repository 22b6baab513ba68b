"""Signal of each tissue of one patient in one sequence."""

from dataclasses import dataclass

import numpy as np

from pipeline.phantom.canvas import Array
from pipeline.phantom.kinetics import (
    COMPARTMENTS,
    R1_HEPATOCYTE_PER_MM_S,
    R1_PLASMA_PER_MM_S,
    R2_PLASMA_PER_MM_S,
    Compartment,
    Concentration,
    concentration,
)
from pipeline.phantom.protocol import Kind, Sequence
from pipeline.phantom.signal import diffusion_spin_echo, spoiled_gradient_echo, turbo_spin_echo, with_contrast
from pipeline.phantom.tissues import FATTY, FLOWING, Tissue, TissueProperties, tissue_properties

NO_AGENT = Compartment(0.0, 10.0)
"""A tissue that the agent does not reach."""


@dataclass(frozen=True)
class Physiology:
    """Per-patient variation of the tissues.

    Parameters
    ----------
    field_strength_t
        T.
    liver_uptake
        Relative to a healthy liver; cirrhosis lowers it.
    nodularity
        Relative unevenness of the parenchyma.
    liver_t1_factor, liver_t2_factor
        Of the table's values.
    """

    field_strength_t: float
    liver_uptake: float
    nodularity: float
    liver_t1_factor: float
    liver_t2_factor: float


def draw_physiology(rng: np.random.Generator, field_strength_t: float) -> Physiology:
    """Draw liver function and relaxation times."""
    return Physiology(
        field_strength_t,
        float(rng.uniform(0.45, 1.1)),
        float(rng.uniform(0.015, 0.05)),
        float(rng.uniform(0.92, 1.10)),
        float(rng.uniform(0.9, 1.12)),
    )


@dataclass(frozen=True, eq=False)
class PropertyMaps:
    """As `TissueProperties`, voxel by voxel."""

    t1_ms: Array
    t2_ms: Array
    t2_star_ms: Array
    adc_mm2_per_s: Array
    proton_density: Array


def agent(tissue: Tissue, sequence: Sequence) -> Concentration:
    """Return the agent in `tissue` of a healthy patient during `sequence`."""
    return concentration(COMPARTMENTS.get(tissue, NO_AGENT), sequence.after_injection_s)


def liver_properties(physiology: Physiology) -> TissueProperties:
    """Return the properties of this patient's liver."""
    table = tissue_properties(Tissue.LIVER, physiology.field_strength_t)
    return TissueProperties(
        table.t1_ms * physiology.liver_t1_factor,
        table.t2_ms * physiology.liver_t2_factor,
        table.t2_star_ms,
        table.adc_mm2_per_s,
        table.proton_density,
    )


def organ_signal(tissue: Tissue, sequence: Sequence, physiology: Physiology) -> float:
    """Return the signal of a tissue, fat suppression and flow void included."""
    taken = agent(tissue, sequence)
    field = physiology.field_strength_t
    properties = liver_properties(physiology) if tissue is Tissue.LIVER else tissue_properties(tissue, field)
    uptake = taken.hepatocyte_mm * physiology.liver_uptake
    signal = float(enhanced_signal(properties, taken.extracellular_mm, uptake, sequence, field))
    if tissue in FATTY:
        signal *= sequence.fat_residual
    if sequence.kind is not Kind.GRADIENT_ECHO:
        signal *= FLOWING.get(tissue, 1.0)
    return signal


def reference_signal(sequence: Sequence, physiology: Physiology) -> float:
    """Return the signal of liver without agent; noise is scaled to it."""
    return float(enhanced_signal(liver_properties(physiology), 0.0, 0.0, sequence, physiology.field_strength_t))


def enhanced_signal(
    properties: TissueProperties | PropertyMaps,
    extracellular_mm: Array | float,
    hepatocyte_mm: Array | float,
    sequence: Sequence,
    field_strength_t: float,
) -> Array:
    """Shorten the relaxation times by the agent and evaluate the sequence's equation."""
    r1, r2 = R1_PLASMA_PER_MM_S[field_strength_t], R2_PLASMA_PER_MM_S[field_strength_t]
    t1 = with_contrast(
        with_contrast(properties.t1_ms, r1, extracellular_mm), R1_HEPATOCYTE_PER_MM_S, hepatocyte_mm
    )
    total = np.asarray(extracellular_mm, np.float32) + np.asarray(hepatocyte_mm, np.float32)
    density, tr_ms, te_ms = properties.proton_density, sequence.tr_ms, sequence.te_ms
    if sequence.kind is Kind.GRADIENT_ECHO:
        t2_star = with_contrast(properties.t2_star_ms, r2, total)
        return spoiled_gradient_echo(t1, t2_star, density, tr_ms=tr_ms, te_ms=te_ms, flip_deg=sequence.flip_deg)
    t2 = with_contrast(properties.t2_ms, r2, total)
    if sequence.kind is Kind.SPIN_ECHO:
        return turbo_spin_echo(t1, t2, density, tr_ms=tr_ms, te_ms=te_ms)
    adc, b = properties.adc_mm2_per_s, sequence.b_s_per_mm2
    return diffusion_spin_echo(t1, t2, density, adc, tr_ms=tr_ms, te_ms=te_ms, b_s_per_mm2=b)
