"""How blood and liver brighten from phase to phase: numbers of four volumes, no headers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dicom_io.assembly.body_sampling import BODY, TINY, Array, Mask, Samples
from pipeline.study import Role

_STILL_PERCENT = 15
"""Percentile of the ratio to the phase before contrast that stands for tissue which takes up nothing: whatever
gain or flip angle differs between the phases is divided out by it."""

_BLOOD_PERCENT = 98.5

_LIVER_PERCENT = 85

_RESTING_PERCENT, _RISING_PERCENT = 30, 75
"""Beyond them lies what brightens least and most from the arterial to the portal phase, blood left out."""

_TAIL_PERCENTS = (1.5, 3.0, 5.0, 10.0, 15.0)
"""Of the ratio to before contrast, from both ends: nothing gets darker by contrast, and blood is little."""


@dataclass(frozen=True)
class Enhancement:
    """How bright blood and liver are.

    Parameters
    ----------
    blood
        Median over what changes most until the portal phase, relative to the median of the body, by phase.
    liver
        Median over what brightens most in the hepatobiliary phase, relative to before contrast, by phase after it.
    liver_to_blood
        In the hepatobiliary phase itself.
    peak
        What the arterial phase brightens most, relative to the median, over the same of the hepatobiliary phase.
    uptake
        What the hepatobiliary phase brightens most, relative to the median, times what it darkens most: below one
        where more is lost than gained, that is where it comes before the phase it is compared with.
    liver_uptake
        Gain from before contrast to the hepatobiliary phase of what still brightened from the arterial to the
        portal phase, as the liver does, over that of the rest; times `uptake`. Below one where first and last
        phase are exchanged.
    """

    blood: Mapping[Role, float]
    liver: Mapping[Role, float]
    liver_to_blood: float
    peak: float
    uptake: float
    liver_uptake: float


def measure(inside: Samples) -> Enhancement:
    """Compare the four phases, each taken for what its role says."""
    blood, brightness = _blood(inside)
    liver, gains = _liver(inside, blood)
    late = inside[Role.T1_HEPATOBILIARY]
    early_tails, late_tails = (_tails(inside, role) for role in (Role.T1_ARTERIAL, Role.T1_HEPATOBILIARY))
    uptake = float(np.exp(2 * late_tails.mean()))
    return Enhancement(
        blood={role: float(np.median(values[blood])) for role, values in brightness.items()},
        liver={role: float(np.median(gain[liver])) for role, gain in gains.items()},
        liver_to_blood=float(np.median(late[liver]) / max(float(np.median(late[blood])), TINY)),
        peak=float(np.exp(early_tails[-1] - late_tails[-1])),
        uptake=uptake,
        # Two estimates that err in different studies.
        liver_uptake=uptake * _liver_uptake(inside, blood),
    )


def _blood(inside: Mapping[Role, Array]) -> tuple[Mask, Mapping[Role, Array]]:
    """Return what changes most up to the portal phase, and brightness relative to the body.

    Change and not brightness alone: without fat suppression, fat is brighter than any blood.
    """
    bright = {role: values / max(float(np.median(values)), TINY) for role, values in inside.items()}
    early = np.maximum.reduce([bright[role] for role in bright if role is not Role.T1_HEPATOBILIARY])
    change = early - np.minimum.reduce(list(bright.values()))
    return change >= np.percentile(change, _BLOOD_PERCENT), bright


def _liver(inside: Mapping[Role, Array], blood: Mask) -> tuple[Mask, Mapping[Role, Array]]:
    """Return what brightens most in the hepatobiliary phase, blood left out, and the gain of each phase."""
    before = inside[Role.T1_PRE]
    ratios = {role: values / before for role, values in inside.items() if role is not Role.T1_PRE}
    still = {role: max(float(np.percentile(ratio, _STILL_PERCENT)), TINY) for role, ratio in ratios.items()}
    gains: dict[Role, Array] = {role: ratio / still[role] for role, ratio in ratios.items()}
    late = gains[Role.T1_HEPATOBILIARY]
    liver: Mask = ~blood & (late >= np.percentile(late[~blood], _LIVER_PERCENT))
    return liver, gains


def _tails(inside: Samples, role: Role) -> Array:
    """Return how far the logarithm of the ratio to before contrast reaches on either side of its median.

    Returns
    -------
    Array
        (n,): distances of the lower percentiles, negative, then those of the upper ones, the highest last.
    """
    tissue = _tissue(inside)
    ratio = np.log(inside[role][tissue] / inside[Role.T1_PRE][tissue])
    percents = (*_TAIL_PERCENTS, *(100 - percent for percent in reversed(_TAIL_PERCENTS)))
    tails: Array = np.percentile(ratio, percents) - np.median(ratio)
    return tails


def _liver_uptake(inside: Samples, blood: Mask) -> float:
    """Return the gain of the liver from before contrast to the hepatobiliary phase, over that of the rest.

    The liver is found without the two phases that are compared, so that their order has no part in finding it, and
    however large a part of the body it is.
    """
    tissue = _tissue(inside) & ~blood
    if not tissue.any():
        return 1.0
    between = np.log(inside[Role.T1_PORTAL] / inside[Role.T1_ARTERIAL])[tissue]
    gain = np.log(inside[Role.T1_HEPATOBILIARY] / inside[Role.T1_PRE])[tissue]
    liver = between >= np.percentile(between, _RISING_PERCENT)
    rest = between <= np.percentile(between, _RESTING_PERCENT)
    return float(np.exp(np.median(gain[liver]) - np.median(gain[rest])))


def _tissue(inside: Samples) -> Mask:
    """Return what is bright in every phase: what breathing moves out of the body says nothing of contrast."""
    bright = [values / max(float(np.percentile(values, 90)), TINY) for values in inside.values()]
    tissue: Mask = np.minimum.reduce(bright) > BODY
    return tissue
