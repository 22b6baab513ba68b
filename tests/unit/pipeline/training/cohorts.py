"""Small synthetic feature tables with a known amount of signal."""

import numpy as np

from pipeline.classification import CLINICAL_FEATURES, ClassificationSettings
from pipeline.features import FeatureVector
from pipeline.study import Role
from pipeline.training.feature_table import FeatureTable
from pipeline.training.settings import ClassifierTrainingSettings

SETTINGS = ClassificationSettings(components=5, radiomics_width=16, clinical_width=16, joint_width=32)
TRAINING = ClassifierTrainingSettings(epochs=15, batch=32, members=3, splits=1, learning_rate=3e-3, seed=1)
NAMES = tuple(f"{role.value}_{region}_f{n}" for role in Role for region in ("tumour", "margin") for n in range(10))


def make_table(
    cases: int = 100, *, signal: float = 0.0, clinical_signal: float = 0.0, seed: int = 0
) -> FeatureTable:
    """Draw features of very different units; `signal` moves those of one factor by so many standard deviations."""
    random = np.random.default_rng(seed)
    mvi = np.arange(cases) % 5 < 2
    factors = random.standard_normal((cases, 4))
    factors[:, 0] += signal * mvi
    # Every feature is a mixture of few factors, as radiomics features are.
    mixing = random.standard_normal((4, len(NAMES))) * np.array([[2.0], [1], [1], [1]])
    values = factors @ mixing + 0.3 * random.standard_normal((cases, len(NAMES)))
    values = values * 10.0 ** random.integers(-4, 6, len(NAMES)) + 10.0 ** random.integers(0, 4, len(NAMES))
    clinical = random.standard_normal((cases, 7)) * 10 + 50
    clinical[:, 2] += 10 * clinical_signal * mvi
    return FeatureTable(tuple(f"case{n}" for n in range(cases)), NAMES, values, clinical, mvi, np.full(cases, 3.0))


def row_of(table: FeatureTable, row: int) -> tuple[FeatureVector, dict[str, float]]:
    """Take one case as the pipeline would see it."""
    clinical = dict(zip(CLINICAL_FEATURES, table.clinical[row].tolist(), strict=True))
    return FeatureVector(table.names, table.values[row]), clinical
