import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from pipeline.phantom import PhantomSettings, make_case
from pipeline.phantom.case import latents_of_seed
from pipeline.phantom.latent import (
    CLINICAL_EFFECT,
    IMAGING_EFFECT,
    Latents,
    clinical_values,
    diameter_mm,
    draw_latents,
)
from pipeline.study import Analyte

SETTINGS = PhantomSettings()
PATIENTS = 6000


@pytest.fixture(scope="module")
def patients() -> list[Latents]:
    rng = np.random.default_rng(1)
    return [draw_latents(rng, SETTINGS) for _ in range(PATIENTS)]


def test_prevalence_over_many_patients_is_that_of_the_settings(patients: list[Latents]) -> None:
    share = np.mean([patient.mvi for patient in patients])
    assert share == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / PATIENTS))


def test_planted_log_odds_separate_as_well_as_their_effects_allow_and_no_better(patients: list[Latents]) -> None:
    mvi = [patient.mvi for patient in patients]
    imaging = roc_auc_score(mvi, [patient.imaging_log_odds for patient in patients])
    both = roc_auc_score(mvi, [patient.imaging_log_odds + patient.clinical_log_odds for patient in patients])
    clinical = roc_auc_score(mvi, [patient.clinical_log_odds for patient in patients])
    # Two normal distributions at distance d have an area of Phi(d / sqrt 2).
    distance = math.sqrt(sum(d * d for d in IMAGING_EFFECT.values()))
    assert imaging == pytest.approx(norm.cdf(distance / math.sqrt(2)), abs=0.015)
    assert 0.85 <= imaging < both <= 0.90
    assert clinical < 0.72


def test_log_odds_are_calibrated(patients: list[Latents]) -> None:
    prior = math.log(0.5)
    odds = np.array([patient.imaging_log_odds + patient.clinical_log_odds + prior for patient in patients])
    mvi = np.array([patient.mvi for patient in patients])
    for low, high in ((-2.0, -1.0), (-0.5, 0.5), (1.0, 2.0)):
        chosen = (odds >= low) & (odds < high)
        assert mvi[chosen].mean() == pytest.approx((1 / (1 + np.exp(-odds[chosen]))).mean(), abs=0.06)


def test_every_latent_of_invaded_patients_is_shifted_by_its_effect(patients: list[Latents]) -> None:
    for name, effect in IMAGING_EFFECT.items():
        shift = np.mean([p.imaging[name] for p in patients if p.mvi]) - np.mean(
            [p.imaging[name] for p in patients if not p.mvi]
        )
        assert shift == pytest.approx(effect, abs=0.12)


def test_diameter_is_within_the_settings_mostly_small_and_larger_with_invasion(patients: list[Latents]) -> None:
    sizes = np.array([diameter_mm(patient, SETTINGS) for patient in patients])
    mvi = np.array([patient.mvi for patient in patients])
    assert sizes.min() >= 10
    assert sizes.max() <= 100
    assert ((sizes > 15) & (sizes < 70)).mean() > 0.6
    assert sizes[mvi].mean() > sizes[~mvi].mean() + 5


def test_laboratory_values_are_plausible_and_shifted_the_right_way(patients: list[Latents]) -> None:
    values = {a: np.array([clinical_values(p)[a].value for p in patients]) for a in Analyte}
    mvi = np.array([patient.mvi for patient in patients])
    for analyte, effect in CLINICAL_EFFECT.items():
        difference = values[analyte][mvi].mean() - values[analyte][~mvi].mean()
        assert np.sign(difference) == np.sign(effect)
    assert np.isin(values[Analyte.HBCAB], (0.0, 1.0)).all()
    assert 20 < np.median(values[Analyte.AST]) < 45
    assert 60 < np.median(values[Analyte.TOTAL_PROTEIN]) < 80
    assert 2 < np.median(values[Analyte.FIBRINOGEN]) < 4


def test_forced_status_overrides_the_draw_and_keeps_the_random_stream() -> None:
    for seed in range(5):
        forced = [
            draw_latents(np.random.default_rng(seed), replace(SETTINGS, force_mvi=status))
            for status in (False, True)
        ]
        assert [patient.mvi for patient in forced] == [False, True]
        for name, effect in IMAGING_EFFECT.items():
            assert forced[1].imaging[name] - forced[0].imaging[name] == pytest.approx(effect)


def test_latents_of_a_seed_are_those_that_its_case_was_made_with() -> None:
    settings = PhantomSettings(mvi_prevalence=0.4, with_distractors=False)
    truth, latents = make_case(12, settings=settings).truth, latents_of_seed(12, 0.4)
    assert latents.mvi == truth.mvi
    assert latents.imaging_log_odds == truth.imaging_log_odds
    assert latents.clinical_log_odds == truth.clinical_log_odds
