"""Small synthetic cohorts with a known amount of signal."""

import numpy as np

from pipeline.classification import ClassificationSettings
from pipeline.evaluation.cohort import EvaluationCohort
from pipeline.evaluation.parts import ClinicalColumn, Masks, RadiomicsBlock
from pipeline.evaluation.settings import EvaluationSettings
from pipeline.study import Role
from pipeline.training.settings import ClassifierTrainingSettings

SETTINGS = EvaluationSettings(
    repeats=4,
    network=ClassificationSettings(components=5, radiomics_width=16, clinical_width=16, joint_width=16),
    training=ClassifierTrainingSettings(batch=16, learning_rate=1e-2),
    epochs=(10,),
    penalties=(0.1, 1.0),
    trees=(10,),
    bootstraps=200,
    permutations=5,
    permuted_splits=1,
    learning_shares=(0.5, 1.0),
)
NAMES = tuple(
    f"{role.value}_{region}_{'original' if n < 10 else 'wavelet-LLH'}_glcm_f{n}"
    for role in Role
    for region in ("tumour", "margin")
    for n in range(25)
)
COLUMNS = (
    ClinicalColumn("tumour_size_mm", "Tumour size", "mm"),
    ClinicalColumn("ast_u_per_l", "AST", "U/L"),
    ClinicalColumn("hbcab_positive", "HBcAb", "", is_binary=True),
)


def make_cohort(
    patients: int = 60, *, signal: float = 2.0, clinical_signal: float = 0.0, manual: bool = False, seed: int = 0
) -> EvaluationCohort:
    """Draw features of very different units; `signal` moves those of one factor by so many standard deviations."""
    random = np.random.default_rng(seed)
    mvi = np.arange(patients) % 5 < 2
    factors = random.standard_normal((patients, 4))
    factors[:, 0] += signal * mvi
    mixing = random.standard_normal((4, len(NAMES))) * np.array([[2.0], [1], [1], [1]])
    units = 10.0 ** random.integers(-4, 6, len(NAMES))

    def measured() -> RadiomicsBlock:
        noise = 0.3 * random.standard_normal((patients, len(NAMES)))
        return RadiomicsBlock(NAMES, (factors @ mixing + noise) * units + 7)

    size = random.uniform(10, 80, patients)
    ast = 40 + 10 * random.standard_normal(patients) + 10 * clinical_signal * mvi
    hbcab = (random.random(patients) < 0.5).astype(np.float64)
    blocks = {Masks.AUTOMATIC: measured()}
    if manual:
        blocks[Masks.MANUAL] = measured()
    return EvaluationCohort(
        "synthetic",
        tuple(f"patient-{seed}-{n:04d}" for n in range(patients)),
        mvi,
        blocks,
        COLUMNS,
        np.stack([size, ast, hbcab], axis=1),
        size,
        np.zeros(patients, dtype=bool),
    )
