from dataclasses import replace

import numpy as np
import pytest

from pipeline.phantom.anatomy import Anatomy, make_anatomy
from pipeline.phantom.canvas import SPACING_XYZ_MM, Array
from pipeline.phantom.latent import IMAGING_EFFECT, Latents
from pipeline.phantom.noise import periodic_field
from pipeline.phantom.physiology import Physiology
from pipeline.phantom.protocol import SEQUENCES
from pipeline.phantom.settings import PhantomSettings
from pipeline.phantom.tissue_maps import signal_map
from pipeline.phantom.tissues import Tissue
from pipeline.phantom.tumour_fields import tumour_fields
from pipeline.phantom.tumours import Tumour, draw_tumours
from pipeline.study import Role

HEALTHY = Physiology(3.0, 0.9, 0.0, 1.0, 1.0)
SETTINGS = PhantomSettings(tumour_count=1, tumour_diameter_mm=(39.0, 41.0))


@pytest.fixture(scope="module")
def anatomy() -> Anatomy:
    return make_anatomy(np.random.default_rng(8), half_height_mm=125.0)


def _tumour(anatomy: Anatomy, **latents: float) -> Tumour:
    imaging = dict.fromkeys(IMAGING_EFFECT, 0.0) | {"irregularity": -3.0} | latents
    (tumour,) = draw_tumours(np.random.default_rng(3), anatomy, Latents(False, imaging, {}), SETTINGS)
    return tumour


def _signal_and_level(anatomy: Anatomy, tumour: Tumour, role: Role) -> tuple[Array, Array]:
    noise = periodic_field(np.random.default_rng(6), SPACING_XYZ_MM, 3.0)
    fields = tumour_fields(anatomy, tumour, np.random.default_rng(7), noise)
    still = replace(anatomy, fine_texture=0 * anatomy.fine_texture, coarse_texture=0 * anatomy.coarse_texture)
    signal = signal_map(still, ((tumour, fields),), SEQUENCES[role], HEALTHY)[fields.box]
    k, j, i = (np.arange(part.start, part.stop) for part in fields.box)
    index = np.stack(np.meshgrid(k, j, i, indexing="ij"), axis=-1)[..., ::-1]
    level = tumour.shape.level(anatomy.grid.to_lps_mm(index).astype(np.float32))
    parenchyma = anatomy.labels[fields.box] == Tissue.LIVER
    return signal[parenchyma], level[parenchyma]


def test_peritumoural_latent_darkens_the_liver_next_to_the_tumour_in_the_hepatobiliary_phase_only(
    anatomy: Anatomy,
) -> None:
    def margin(latent: float, role: Role) -> float:
        tumour = _tumour(anatomy, peritumoural_hypointensity=latent, capsule_loss=3.0)
        signal, level = _signal_and_level(anatomy, tumour, role)
        return float(signal[(level < -4) & (level > -7)].mean())

    assert margin(1.5, Role.T1_HEPATOBILIARY) < 0.9 * margin(-1.5, Role.T1_HEPATOBILIARY)
    # T2 is measured at 5.5 min, with a little agent in the hepatocytes already.
    assert margin(1.5, Role.T2) == pytest.approx(margin(-1.5, Role.T2), rel=0.05)
    assert margin(1.5, Role.T1_PRE) == pytest.approx(margin(-1.5, Role.T1_PRE), rel=0.01)


def test_rim_latent_brightens_the_shell_of_the_tumour_in_the_arterial_phase(anatomy: Anatomy) -> None:
    def shell_to_core(latent: float) -> float:
        signal, level = _signal_and_level(anatomy, _tumour(anatomy, arterial_rim=latent), Role.T1_ARTERIAL)
        return float(signal[(level > 4) & (level < 7)].mean() / signal[level > 14].mean())

    assert shell_to_core(1.5) > shell_to_core(-1.5) + 0.05


def test_margin_latent_widens_the_transition(anatomy: Anatomy) -> None:
    def half_way(latent: float) -> float:
        tumour = _tumour(anatomy, margin_blur=latent, peritumoural_hypointensity=-3.0, capsule_loss=3.0)
        signal, level = _signal_and_level(anatomy, tumour, Role.T1_HEPATOBILIARY)
        inside, outside = np.median(signal[level > 8]), np.median(signal[level < -8])
        share = (signal - inside) / (outside - inside)
        return float(((share > 0.2) & (share < 0.8) & (np.abs(level) < 5)).sum())

    assert half_way(1.5) > 1.5 * half_way(-1.5)


def test_diffusion_latent_brightens_the_tumour_on_the_diffusion_image(anatomy: Anatomy) -> None:
    def core(latent: float) -> float:
        tumour = _tumour(anatomy, diffusion_restriction=latent)
        signal, level = _signal_and_level(anatomy, tumour, Role.DWI)
        return float(signal[level > 8].mean())

    assert core(1.5) > 1.2 * core(-1.5)


def test_anatomy_holds_every_organ_with_a_plausible_volume(anatomy: Anatomy) -> None:
    voxel_cm3 = anatomy.grid.voxel_volume_mm3 / 1000
    volume = {tissue: float((anatomy.labels == tissue).sum()) * voxel_cm3 for tissue in Tissue}
    for tissue in set(Tissue) - {Tissue.TUMOUR, Tissue.TUMOUR_NECROSIS, Tissue.TUMOUR_CAPSULE}:
        assert volume[tissue] > 0, tissue
    assert 900 < volume[Tissue.LIVER] < 2300
    assert 90 < volume[Tissue.SPLEEN] < 600
    assert 150 < volume[Tissue.KIDNEY_CORTEX] + volume[Tissue.KIDNEY_MEDULLA] < 500
    assert 5 < volume[Tissue.GALLBLADDER] < 60


def test_liver_level_is_positive_exactly_in_the_liver_and_its_vessels(anatomy: Anatomy) -> None:
    inside = anatomy.liver_level_mm > 0
    liver = np.isin(anatomy.labels, (Tissue.LIVER, Tissue.HEPATIC_VEIN, Tissue.PORTAL_VEIN, Tissue.BILE_DUCT))
    assert (liver[inside]).all()
    assert inside[anatomy.labels == Tissue.LIVER].mean() > 0.99
