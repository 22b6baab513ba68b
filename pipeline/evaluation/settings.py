"""What an evaluation does: one setting, and how all are split, fitted and compared."""

from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.classification.settings import ClassificationSettings
from pipeline.evaluation.convolution import ConvolutionSettings
from pipeline.evaluation.parts import Masks
from pipeline.study import Role
from pipeline.training.pictures import View
from pipeline.training.settings import ClassifierTrainingSettings


class Model(StrEnum):
    """What is fitted to the scores and clinical values."""

    NETWORK = "network"
    """The two-layer network of the paper."""
    LOGISTIC = "logistic"
    """Logistic regression with an L2 penalty."""
    BOOSTING = "boosting"
    """Gradient boosting of small trees."""
    CONVOLUTION = "convolution"
    """A network that looks at the images themselves."""


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
    view
        Which pictures are looked at in the place of radiomics.
    """

    key: str
    title: str
    masks: Masks | None = Masks.AUTOMATIC
    roles: tuple[Role, ...] = tuple(Role)
    clinical: bool = True
    model: Model = Model.NETWORK
    originals_only: bool = False
    view: View | None = None


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
    convolution
        Of the end-to-end networks.
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
    convolution: ConvolutionSettings = field(default_factory=ConvolutionSettings)
    selection_p: float = 0.01
    select_clinical: bool = False
    bootstraps: int = 2000
    permutations: int = 99
    permuted_splits: int = 2
    learning_shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
