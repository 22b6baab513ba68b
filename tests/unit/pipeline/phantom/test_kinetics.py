import numpy as np
import pytest

from pipeline.phantom.kinetics import COMPARTMENTS, Compartment, arterial_input_mm, concentration
from pipeline.phantom.physiology import Physiology, organ_signal
from pipeline.phantom.protocol import ARTERIAL_S, HEPATOBILIARY_S, PORTAL_S, SEQUENCES
from pipeline.phantom.tissues import Tissue
from pipeline.study import Role

HEALTHY = Physiology(3.0, 1.0, 0.0, 1.0, 1.0)


def test_arterial_input_before_the_bolus_arrives_is_zero_and_its_first_pass_scales_with_the_dose() -> None:
    time_s = np.arange(0.0, 1200.0, 0.1)
    curve = arterial_input_mm(time_s)
    assert (curve[time_s < 13] == 0).all()
    # The peak of the population function is close to 6 mM at 0.1 mmol/kg; the labelled dose is a quarter.
    assert curve.max() == pytest.approx(6.0 / 4, rel=0.1)
    assert 20 < time_s[curve.argmax()] < 28


def test_concentration_before_injection_is_zero() -> None:
    before = concentration(COMPARTMENTS[Tissue.LIVER], None)
    assert (before.extracellular_mm, before.hepatocyte_mm) == (0.0, 0.0)


def test_compartment_conserves_the_agent_that_passes_through_it() -> None:
    # The area under v (c * exp(-t/tau)/tau) is v times the area under c.
    time_s = np.arange(0.0, 1200.0)
    slow = Compartment(0.3, 20.0)
    area = sum(concentration(slow, float(t)).extracellular_mm for t in time_s[::4]) * 4
    assert area == pytest.approx(0.3 * arterial_input_mm(time_s).sum(), rel=0.03)


def test_uptake_grows_until_twenty_minutes_and_only_in_liver() -> None:
    liver = [concentration(COMPARTMENTS[Tissue.LIVER], t).hepatocyte_mm for t in (25.0, 65.0, 300.0, 1200.0)]
    assert liver == sorted(liver)
    assert liver[-1] > 5 * liver[1]
    assert concentration(COMPARTMENTS[Tissue.TUMOUR], 1200.0).hepatocyte_mm == 0.0


@pytest.mark.parametrize(
    ("role", "brighter", "darker"),
    [
        (Role.T1_ARTERIAL, Tissue.AORTA, Tissue.PORTAL_VEIN),
        (Role.T1_ARTERIAL, Tissue.TUMOUR, Tissue.LIVER),
        (Role.T1_ARTERIAL, Tissue.KIDNEY_CORTEX, Tissue.KIDNEY_MEDULLA),
        (Role.T1_PORTAL, Tissue.PORTAL_VEIN, Tissue.LIVER),
        (Role.T1_PORTAL, Tissue.LIVER, Tissue.TUMOUR),
        (Role.T1_HEPATOBILIARY, Tissue.LIVER, Tissue.TUMOUR),
        (Role.T1_HEPATOBILIARY, Tissue.LIVER, Tissue.HEPATIC_VEIN),
        (Role.T1_HEPATOBILIARY, Tissue.LIVER, Tissue.SPLEEN),
        (Role.T2, Tissue.GALLBLADDER, Tissue.TUMOUR),
        (Role.T2, Tissue.CEREBROSPINAL_FLUID, Tissue.SPINAL_CORD),
        (Role.T2, Tissue.TUMOUR, Tissue.LIVER),
        (Role.T2, Tissue.SPLEEN, Tissue.LIVER),
        (Role.DWI, Tissue.SPLEEN, Tissue.LIVER),
        (Role.DWI, Tissue.TUMOUR, Tissue.LIVER),
        (Role.DWI, Tissue.LIVER, Tissue.PORTAL_VEIN),
    ],
)
def test_tissue_contrast_in_each_sequence_is_what_radiologists_see(
    role: Role, brighter: Tissue, darker: Tissue
) -> None:
    sequence = SEQUENCES[role]
    assert organ_signal(brighter, sequence, HEALTHY) > 1.1 * organ_signal(darker, sequence, HEALTHY)


def test_phases_lie_in_their_clinical_windows() -> None:
    assert 10 <= ARTERIAL_S <= 50 < PORTAL_S <= 110
    assert 900 <= HEPATOBILIARY_S <= 1800
