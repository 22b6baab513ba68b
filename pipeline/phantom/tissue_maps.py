"""Signal of the whole anatomy in one sequence, before the scanner samples it."""

from dataclasses import dataclass

import numpy as np

from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.canvas import Array, Box
from pipeline.phantom.kinetics import (
    COMPARTMENTS,
    R1_HEPATOCYTE_PER_MM_S,
    R1_PLASMA_PER_MM_S,
    R2_PLASMA_PER_MM_S,
    Compartment,
    Concentration,
    concentration,
)
from pipeline.phantom.noise import TILE, tiled
from pipeline.phantom.protocol import Kind, Sequence
from pipeline.phantom.signal import diffusion_spin_echo, spoiled_gradient_echo, turbo_spin_echo, with_contrast
from pipeline.phantom.tissues import FATTY, FLOWING, Tissue, TissueProperties, tissue_properties
from pipeline.phantom.tumours import BULGE_MM, Tumour

NO_AGENT = Compartment(0.0, 10.0)
RIM_MM = 5.0
"""Depth of the enhancing rim."""
CAPSULE_MM = 1.6
SPLEEN_MOTTLING = 0.24
"""Arterial unevenness of the spleen, from its fast and slow compartments; gone in the portal phase."""


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
class TumourFields:
    """Weights of a tumour's parts on its box of the fine lattice, each 0 to 1 unless said.

    Parameters
    ----------
    box
        Where the arrays lie.
    body, rim, necrosis, capsule, peritumoural
        Membership.
    unevenness
        Gaussian field of unit variance.
    """

    box: Box
    body: Array
    rim: Array
    necrosis: Array
    capsule: Array
    peritumoural: Array
    unevenness: Array


def tumour_fields(anatomy: Anatomy, tumour: Tumour, rng: np.random.Generator, noise: Array) -> TumourFields:
    """Evaluate the parts of a tumour where they are not zero."""
    look, shape = tumour.appearance, tumour.shape
    reach = shape.reach_mm + look.blur_mm + look.peritumoural_mm + 3
    box = _box_around(anatomy, shape.centre_lps_mm, reach)
    points = _points(anatomy, box)
    level = shape.level(points)
    liver = np.clip(anatomy.liver_level_mm[box] / 1.5 + 0.5 + BULGE_MM / 1.5, 0, 1)
    offset = rng.integers(0, TILE, 3)
    field = tiled(noise, level.shape, offset=(int(offset[0]), int(offset[1]), int(offset[2])))
    # The margin is not only soft but uneven: a wide transition wanders.
    wander = level + np.float32(0.18 * (look.blur_mm - 1)) * field
    body = liver * np.clip(wander / look.blur_mm + 0.5, 0, 1)
    depth = shape.radius_mm * (1 - look.necrosis)
    necrosis = np.clip((level - depth + 2 * field) / 3 + 0.5, 0, 1) * (look.necrosis > 0.1)
    patchy = np.clip(0.7 + 0.5 * np.roll(field, 7, axis=2), 0, 1)
    outside = np.clip(-level, 0, None)
    fade = np.clip(1.25 - outside / look.peritumoural_mm, 0, 1)
    present = np.roll(field, 11, axis=1) < np.float32(3 * look.capsule - 1.5)
    return TumourFields(
        box,
        body.astype(np.float32),
        np.exp(-np.clip(level, 0, None) / RIM_MM).astype(np.float32),
        necrosis.astype(np.float32),
        (liver * np.exp(-((level + 0.5) ** 2) / (2 * CAPSULE_MM**2)) * present).astype(np.float32),
        (fade * patchy).astype(np.float32),
        field,
    )


def signal_map(
    anatomy: Anatomy, tumours: tuple[tuple[Tumour, TumourFields], ...], sequence: Sequence, physiology: Physiology
) -> Array:
    """Return the noise-free signal of every voxel of the fine lattice, (k, j, i)."""
    table = np.array([_organ_signal(tissue, sequence, physiology) for tissue in Tissue], np.float32)
    signal = table[anatomy.labels]
    signal *= _texture(anatomy, sequence, physiology)
    for tumour, fields in tumours:
        _insert(signal, anatomy, tumour, fields, sequence, physiology)
    return signal


def reference_signal(sequence: Sequence, physiology: Physiology) -> float:
    """Return the signal of liver without agent; noise is scaled to it."""
    bare = _agent(NO_AGENT, None)
    return float(_signal(_liver(physiology), bare.extracellular_mm, bare.hepatocyte_mm, sequence, physiology))


def _insert(
    signal: Array,
    anatomy: Anatomy,
    tumour: Tumour,
    fields: TumourFields,
    sequence: Sequence,
    physiology: Physiology,
) -> None:
    """Composite liver with less uptake, capsule, and tumour over the signal of the organs."""
    look, region = tumour.appearance, signal[fields.box]
    after = sequence.after_injection_s
    table = COMPARTMENTS[Tissue.LIVER]
    liver = _agent(table, after)
    is_liver = anatomy.labels[fields.box] == Tissue.LIVER
    kept = 1 - np.float32(look.peritumoural_loss) * fields.peritumoural
    reduced = _signal(
        _liver(physiology),
        liver.extracellular_mm,
        liver.hepatocyte_mm * physiology.liver_uptake * kept,
        sequence,
        physiology,
    )
    whole = _signal(
        _liver(physiology),
        liver.extracellular_mm,
        liver.hepatocyte_mm * physiology.liver_uptake,
        sequence,
        physiology,
    )
    region *= np.where(is_liver, reduced / whole, np.float32(1))
    capsule = _organ_signal(Tissue.TUMOUR_CAPSULE, sequence, physiology)
    region += 0.7 * fields.capsule * (capsule - region)
    region += fields.body * (_tumour_signal(tumour, fields, sequence, physiology) - region)


def _tumour_signal(tumour: Tumour, fields: TumourFields, sequence: Sequence, physiology: Physiology) -> Array:
    """Evaluate the signal equation voxel by voxel with uneven enhancement, T2 and diffusion."""
    look = tumour.appearance
    uneven = np.clip(1 + look.heterogeneity * fields.unevenness, 0.2, 2.0)
    body = _agent(COMPARTMENTS[Tissue.TUMOUR], sequence.after_injection_s).extracellular_mm
    dead = _agent(COMPARTMENTS[Tissue.TUMOUR_NECROSIS], sequence.after_injection_s).extracellular_mm
    alive = body * uneven * (np.float32(look.body_gain) + np.float32(look.rim_gain) * fields.rim)
    agent = alive + fields.necrosis * (dead - alive)
    solid = tissue_properties(Tissue.TUMOUR, physiology.field_strength_t)
    fluid = tissue_properties(Tissue.TUMOUR_NECROSIS, physiology.field_strength_t)
    slow = np.clip(1 + 0.5 * look.heterogeneity * np.roll(fields.unevenness, 5, axis=0), 0.5, 1.8)

    def mixed(first: float, second: float, factor: Array | float = 1.0) -> Array:
        return np.asarray(first * factor + fields.necrosis * (second - first * factor), np.float32)

    return _equation(
        sequence,
        physiology.field_strength_t,
        mixed(solid.t1_ms, fluid.t1_ms, slow),
        mixed(solid.t2_ms, fluid.t2_ms, slow),
        mixed(solid.t2_star_ms, fluid.t2_star_ms),
        mixed(solid.adc_mm2_per_s * look.adc_factor, fluid.adc_mm2_per_s),
        mixed(solid.proton_density, fluid.proton_density),
        agent,
        0.0,
    )


def _organ_signal(tissue: Tissue, sequence: Sequence, physiology: Physiology) -> float:
    compartment = COMPARTMENTS.get(tissue, NO_AGENT)
    agent = _agent(compartment, sequence.after_injection_s)
    properties = (
        _liver(physiology) if tissue is Tissue.LIVER else tissue_properties(tissue, physiology.field_strength_t)
    )
    uptake = agent.hepatocyte_mm * physiology.liver_uptake
    signal = float(_signal(properties, agent.extracellular_mm, uptake, sequence, physiology))
    if tissue in FATTY:
        signal *= sequence.fat_residual
    if sequence.kind is not Kind.GRADIENT_ECHO:
        signal *= FLOWING.get(tissue, 1.0)
    return signal


def _signal(
    properties: TissueProperties,
    extracellular_mm: float,
    hepatocyte_mm: float | Array,
    sequence: Sequence,
    physiology: Physiology,
) -> Array:
    return _equation(
        sequence,
        physiology.field_strength_t,
        properties.t1_ms,
        properties.t2_ms,
        properties.t2_star_ms,
        properties.adc_mm2_per_s,
        properties.proton_density,
        extracellular_mm,
        hepatocyte_mm,
    )


def _equation(  # noqa: PLR0913 - the arguments are the quantities of the equation
    sequence: Sequence,
    field_strength_t: float,
    t1_ms: Array | float,
    t2_ms: Array | float,
    t2_star_ms: Array | float,
    adc: Array | float,
    density: Array | float,
    extracellular_mm: Array | float,
    hepatocyte_mm: Array | float,
) -> Array:
    """Shorten the relaxation times by agent and evaluate the sequence's equation."""
    r1, r2 = R1_PLASMA_PER_MM_S[field_strength_t], R2_PLASMA_PER_MM_S[field_strength_t]
    t1 = with_contrast(with_contrast(t1_ms, r1, extracellular_mm), R1_HEPATOCYTE_PER_MM_S, hepatocyte_mm)
    total = np.asarray(extracellular_mm, np.float32) + np.asarray(hepatocyte_mm, np.float32)
    if sequence.kind is Kind.GRADIENT_ECHO:
        t2_star = with_contrast(t2_star_ms, r2, total)
        return spoiled_gradient_echo(
            t1, t2_star, density, tr_ms=sequence.tr_ms, te_ms=sequence.te_ms, flip_deg=sequence.flip_deg
        )
    t2 = with_contrast(t2_ms, r2, total)
    if sequence.kind is Kind.SPIN_ECHO:
        return turbo_spin_echo(t1, t2, density, tr_ms=sequence.tr_ms, te_ms=sequence.te_ms)
    return diffusion_spin_echo(
        t1, t2, density, adc, tr_ms=sequence.tr_ms, te_ms=sequence.te_ms, b_s_per_mm2=sequence.b_s_per_mm2
    )


def _texture(anatomy: Anatomy, sequence: Sequence, physiology: Physiology) -> Array:
    """Relative unevenness of the organs, about 1."""
    fine = np.zeros(len(Tissue), np.float32)
    fine[[Tissue.MUSCLE, Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT, Tissue.BONE_MARROW]] = 0.10
    fine[[Tissue.BOWEL, Tissue.STOMACH_CONTENT, Tissue.LUNG, Tissue.PANCREAS]] = 0.15
    fine[Tissue.LIVER] = physiology.nodularity
    coarse = np.zeros(len(Tissue), np.float32)
    coarse[Tissue.BOWEL] = 0.2
    after = sequence.after_injection_s
    if sequence.kind is Kind.GRADIENT_ECHO and after is not None:
        # Mottling decays with the recirculation time of the red pulp, about 15 s.
        coarse[Tissue.SPLEEN] = SPLEEN_MOTTLING * np.exp(-max(after - 25.0, 0.0) / 15.0)
    texture = fine[anatomy.labels] * anatomy.fine_texture
    texture += coarse[anatomy.labels] * anatomy.coarse_texture
    texture += 1
    return np.clip(texture, 0.3, 1.9, out=texture)


def _liver(physiology: Physiology) -> TissueProperties:
    table = tissue_properties(Tissue.LIVER, physiology.field_strength_t)
    return TissueProperties(
        table.t1_ms * physiology.liver_t1_factor,
        table.t2_ms * physiology.liver_t2_factor,
        table.t2_star_ms,
        table.adc_mm2_per_s,
        table.proton_density,
    )


def _agent(compartment: Compartment, after_injection_s: float | None) -> Concentration:
    return concentration(compartment, after_injection_s)


def _box_around(anatomy: Anatomy, centre: np.ndarray, reach: float) -> Box:
    low = np.floor(anatomy.grid.to_index_ijk(centre - reach)).astype(int)
    high = np.ceil(anatomy.grid.to_index_ijk(centre + reach)).astype(int) + 1
    size = anatomy.grid.shape[::-1]
    i, j, k = (slice(max(int(a), 0), min(int(b), n)) for a, b, n in zip(low, high, size, strict=True))
    return k, j, i


def _points(anatomy: Anatomy, box: Box) -> Array:
    axes = [
        np.float32(anatomy.grid.origin_lps_mm[n])
        + np.arange(part.start, part.stop, dtype=np.float32) * np.float32(anatomy.grid.spacing_xyz_mm[n])
        for n, part in enumerate(reversed(box))
    ]
    z, y, x = np.meshgrid(axes[2], axes[1], axes[0], indexing="ij")
    return np.stack([x, y, z], axis=-1)
