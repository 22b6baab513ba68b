"""What an evaluation does: splits, candidates, and the rows of the paper's tables."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from pipeline.classification.settings import ClassificationSettings
from pipeline.evaluation.cohort import Masks
from pipeline.study import Role
from pipeline.training.settings import ClassifierTrainingSettings


class Model(StrEnum):
    """What is fitted to the scores and clinical values."""

    NETWORK = "network"
    """The two-layer network of the paper."""
    LOGISTIC = "logistic"
    """Logistic regression with an L2 penalty."""
    BOOSTING = "boosting"
    """Gradient boosting of small trees."""


@dataclass(frozen=True)
class Setting:
    """One row of a table.

    Parameters
    ----------
    key
        Unique, for files.
    title
        For readers.
    masks
        Whose outlines the radiomics come from; None: without radiomics.
    roles
        Sequences of the radiomics.
    clinical
        Whether clinical values are used.
    model
        What is fitted.
    originals_only
        Whether features of filtered images (wavelet, Laplacian of Gaussian) are left out.
    """

    key: str
    title: str
    masks: Masks | None = Masks.AUTOMATIC
    roles: tuple[Role, ...] = tuple(Role)
    clinical: bool = True
    model: Model = Model.NETWORK
    originals_only: bool = False


PROPOSED = Setting("proposed", "All sequences, radiomics + clinical, automatic")
"""The setting that the paper proposes."""

SEQUENCE_TITLES = {
    Role.DWI: "DWI",
    Role.T1_PRE: "T1 pre-contrast",
    Role.T1_ARTERIAL: "T1 arterial phase",
    Role.T1_PORTAL: "T1 portal phase",
    Role.T1_HEPATOBILIARY: "T1 hepatobiliary phase",
    Role.T2: "T2",
}
"""In the order of the paper's table 1."""

SINGLE_SEQUENCES = tuple(
    Setting(f"sequence_{role.value}", title, roles=(role,)) for role, title in SEQUENCE_TITLES.items()
)
RADIOMICS = Setting("radiomics", "Radiomics alone, automatic", clinical=False)
CLINICAL = Setting("clinical", "Clinical values alone", masks=None)
MANUAL = Setting("manual", "Radiomics + clinical, manual", masks=Masks.MANUAL)
MANUAL_RADIOMICS = Setting("manual_radiomics", "Radiomics alone, manual", masks=Masks.MANUAL, clinical=False)
LOGISTIC = Setting("logistic", "Logistic regression", model=Model.LOGISTIC)
BOOSTING = Setting("boosting", "Gradient boosting", model=Model.BOOSTING)

NEBBIA_ROLES = tuple(role for role in Role if role is not Role.T1_HEPATOBILIARY)
"""Five sequences; which, the paper does not say. A site without gadoxetate has these."""
NEBBIA = Setting(
    "nebbia",
    "After Nebbia: original images, five sequences, manual",
    Masks.MANUAL,
    NEBBIA_ROLES,
    clinical=False,
    model=Model.LOGISTIC,
    originals_only=True,
)
NEBBIA_AUTOMATIC = replace(
    NEBBIA,
    key="nebbia_automatic",
    title="After Nebbia, but automatic",
    masks=Masks.AUTOMATIC,
)

TABLE_1 = (*SINGLE_SEQUENCES, PROPOSED)
TABLE_2 = (MANUAL, MANUAL_RADIOMICS, RADIOMICS, PROPOSED, CLINICAL)
BASELINES = (PROPOSED, LOGISTIC, BOOSTING)
OTHER_SYSTEMS = (PROPOSED, MANUAL, NEBBIA, NEBBIA_AUTOMATIC)
SETTINGS = tuple({setting.key: setting for setting in (*TABLE_1, *TABLE_2, *BASELINES, *OTHER_SYSTEMS)}.values())
"""Every setting once."""


@dataclass(frozen=True)
class EvaluationSettings:
    """How the experiments are run.

    Parameters
    ----------
    repeats, seed
        Of the splits.
    test_share, validation_share
        Of each class; the rest is the training part (paper: 40/10/50).
    network, training
        Widths and components; optimisation. The number of epochs is chosen among `epochs`.
    epochs, penalties, trees
        Candidates, chosen by the loss on the validation part: passes of the network, C of the logistic
        regression, trees of the boosting.
    selection_p
        Of the univariate analysis (paper: 0.01).
    select_clinical
        Whether the clinical columns are selected anew in each training part. False: the columns are those of the
        paper, chosen on other patients.
    bootstraps
        Resamples of the patients.
    permutations, permuted_splits
        Of the permutation test: shuffles, and splits averaged in each.
    learning_shares
        Shares of the training part of the learning curve.
    """

    repeats: int = 20
    seed: int = 0
    test_share: float = 0.5
    validation_share: float = 0.1
    network: ClassificationSettings = field(default_factory=ClassificationSettings)
    training: ClassifierTrainingSettings = field(default_factory=ClassifierTrainingSettings)
    epochs: tuple[int, ...] = (20, 40)
    penalties: tuple[float, ...] = (0.01, 0.1, 1.0)
    trees: tuple[int, ...] = (25, 50, 100)
    selection_p: float = 0.01
    select_clinical: bool = False
    bootstraps: int = 2000
    permutations: int = 99
    permuted_splits: int = 2
    learning_shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
