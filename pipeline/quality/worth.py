"""Is the model itself worth believing? Said in each of its results, since no viewer shows a model card."""

from typing import Final

LEAST_USEFUL_AUC: Final = 0.7
"""Below this, discrimination is poor (Hosmer et al., Applied Logistic Regression, 3rd ed. 2013, 5.2.4)."""


def weakness(left_out_auc: float | None) -> tuple[str, ...]:
    """Return a warning where the model hardly tells the two outcomes apart.

    Parameters
    ----------
    left_out_auc
        Area under the curve of the classifier in use, on cases left out of its fit; None where it is unknown.
    """
    if left_out_auc is None:
        return ("How well this model tells the outcomes apart was never measured on cases left out of its fit.",)
    if left_out_auc >= LEAST_USEFUL_AUC:
        return ()
    return (
        f"On cases left out of its fit, the area under the curve of this model was {left_out_auc:.2f}, and 0.50 "
        "is chance: the risk says little, whatever its interval.",
    )
