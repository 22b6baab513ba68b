"""Signal of the whole anatomy in one sequence, before the scanner samples it."""

import numpy as np

from pipeline.phantom.anatomy import Anatomy
from pipeline.phantom.canvas import Array
from pipeline.phantom.physiology import (
    Physiology,
    PropertyMaps,
    agent,
    enhanced_signal,
    liver_properties,
    organ_signal,
)
from pipeline.phantom.protocol import Kind, Sequence
from pipeline.phantom.tissues import Tissue, tissue_properties
from pipeline.phantom.tumour_fields import TumourFields
from pipeline.phantom.tumours import Tumour

CAPSULE_SHARE = 0.7
"""Share of fibrous tissue in the capsule's layer."""
SPLEEN_MOTTLING = 0.24
"""Arterial unevenness of the spleen, from its fast and slow compartments; gone in the portal phase."""


def signal_map(
    anatomy: Anatomy, tumours: tuple[tuple[Tumour, TumourFields], ...], sequence: Sequence, physiology: Physiology
) -> Array:
    """Return the noise-free signal of every voxel of the fine lattice, (k, j, i)."""
    table = np.array([organ_signal(tissue, sequence, physiology) for tissue in Tissue], np.float32)
    signal = table[anatomy.labels]
    signal *= _texture(anatomy, sequence, physiology)
    for tumour, fields in tumours:
        region = signal[fields.box]
        is_liver = anatomy.labels[fields.box] == Tissue.LIVER
        region *= np.where(is_liver, _surroundings(tumour, fields, sequence, physiology), np.float32(1))
        capsule = organ_signal(Tissue.TUMOUR_CAPSULE, sequence, physiology)
        region += CAPSULE_SHARE * fields.capsule * (capsule - region)
        region += fields.body * (_tumour_signal(tumour, fields, sequence, physiology) - region)
    return signal


def _surroundings(tumour: Tumour, fields: TumourFields, sequence: Sequence, physiology: Physiology) -> Array:
    """Return what the loss of hepatocyte uptake leaves of the liver's signal, relative."""
    healthy, field = agent(Tissue.LIVER, sequence), physiology.field_strength_t
    properties = liver_properties(physiology)
    kept = 1 - np.float32(tumour.appearance.peritumoural_loss) * fields.peritumoural
    uptake = healthy.hepatocyte_mm * physiology.liver_uptake
    reduced = enhanced_signal(properties, healthy.extracellular_mm, uptake * kept, sequence, field)
    return reduced / enhanced_signal(properties, healthy.extracellular_mm, uptake, sequence, field)


def _tumour_signal(tumour: Tumour, fields: TumourFields, sequence: Sequence, physiology: Physiology) -> Array:
    """Evaluate the signal equation voxel by voxel with uneven enhancement, relaxation and diffusion."""
    look, field = tumour.appearance, physiology.field_strength_t
    uneven = np.clip(1 + look.heterogeneity * fields.unevenness, 0.2, 2.0)
    alive = agent(Tissue.TUMOUR, sequence).extracellular_mm * uneven
    alive = alive * (np.float32(look.body_gain) + np.float32(look.rim_gain) * fields.rim)
    dead = agent(Tissue.TUMOUR_NECROSIS, sequence).extracellular_mm
    solid = tissue_properties(Tissue.TUMOUR, field)
    fluid = tissue_properties(Tissue.TUMOUR_NECROSIS, field)
    slow = np.clip(1 + 0.5 * look.heterogeneity * np.roll(fields.unevenness, 5, axis=0), 0.5, 1.8)

    def mixed(first: float, second: float, factor: Array | float = 1.0) -> Array:
        return np.asarray(first * factor + fields.necrosis * (second - first * factor), np.float32)

    maps = PropertyMaps(
        mixed(solid.t1_ms, fluid.t1_ms, slow),
        mixed(solid.t2_ms, fluid.t2_ms, slow),
        mixed(solid.t2_star_ms, fluid.t2_star_ms),
        mixed(solid.adc_mm2_per_s * look.adc_factor, fluid.adc_mm2_per_s),
        mixed(solid.proton_density, fluid.proton_density),
    )
    return enhanced_signal(maps, alive + fields.necrosis * (dead - alive), 0.0, sequence, field)


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
