"""Limits of series matching: what a series must be, when and how bright, and when a choice is believed."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.rule_values import ROLE_NAMES, Fraction, NotNegative, Positive, Windows, exactly
from config.sections.base import Section

PIXEL_CHECKS = 12
"""Relations between the phases that pixels are checked for."""


class PhysicsWindow(Windows):
    """Acquisition parameters a role may have."""

    repetition_time_ms: tuple[float, float]
    """Repetition time, ms."""
    echo_time_ms: tuple[float, float]
    """Echo time, ms."""
    flip_angle_deg: tuple[float, float] | None = None
    """Flip angle, degrees; None: any."""


class PhysicsRules(Section):
    """Parameter windows of the three families of sequences."""

    t1: PhysicsWindow
    """Spoiled 3D gradient echo."""
    t2: PhysicsWindow
    """Fast spin echo."""
    dwi: PhysicsWindow
    """Echo planar."""


class DiffusionRules(Windows):
    """Which diffusion weighting the model wants."""

    b_s_per_mm2: tuple[float, float]
    """b-values that may fill the role, s/mm2."""
    target_s_per_mm2: Positive
    """The nearest to it is taken, s/mm2."""


class GeometryRules(Windows):
    """Limits on stacks of slices."""

    minimum_slices: Annotated[int, Field(ge=2)]
    """Fewer are a localizer or a fragment."""
    axial_cosine: Fraction
    """Least |normal . z|."""
    slice_thickness_mm: tuple[float, float]
    """What the model was made for, mm."""
    coverage: Fraction
    """Least part of the hepatobiliary extent that every role must cover."""
    in_plane_coverage: Fraction
    """Least part of the hepatobiliary field of view that every role must cover, along either axis."""
    sibling_slices: Fraction
    """Least number of slices relative to the sibling phases."""
    spacing_tolerance: Fraction
    """Relative difference of pixel spacing within the dynamic phases."""
    thickness_tolerance: Fraction
    """Relative difference of slice thickness within the dynamic phases."""
    frame_of_reference: Literal["require", "allow"]
    """Whether all roles must share one frame of reference."""


class AnatomyRules(Section):
    """What is no liver."""

    other_body_parts: tuple[str, ...]
    """Values of Body Part Examined that rule a series out; an absent or wrong-looking value does not."""


class TimeRules(Windows):
    """Windows after the injection, s."""

    arterial_s: tuple[float, float]
    """Arterial phase, s."""
    arterial_latest_s: Positive
    """Of several arterial phases, none later than this is taken, s."""
    portal_s: tuple[float, float]
    """Portal venous phase, s."""
    portal_target_s: Positive
    """Of several phases of one series in the window, the nearest to it, s."""
    transitional_s: tuple[float, float]
    """Transitional phase, which fills no role, s."""
    hepatobiliary_s: tuple[float, float]
    """Hepatobiliary phase, s."""
    hepatobiliary_target_s: Positive
    """Of several hepatobiliary phases, the nearest to it, s."""
    arterial_after_pre_s: Positive
    """Most arterial minus before contrast: longer is another examination, s."""
    examination_s: Positive
    """Most between T2 or diffusion and the hepatobiliary phase, where their dates differ, s."""
    portal_after_arterial_s: tuple[float, float]
    """Portal minus arterial, s."""
    hepatobiliary_after_arterial_s: Positive
    """Least hepatobiliary minus arterial, s."""
    arterial_delay_s: Positive
    """From the injection to the first arterial image where the injection is not recorded, s."""
    arterial_pick: Literal["late", "middle", "early"]
    """Which of several arterial phases is taken."""


class PixelRules(Section):
    """What blood and liver must look like in phases that are what the headers say; brightness as ratios."""

    contradictions: Annotated[int, Field(ge=1, le=PIXEL_CHECKS)]
    """From so many on, the study is refused; more than there are checks would never refuse."""
    blood_arterial: Positive
    """Least blood, arterial over before contrast."""
    blood_peak: Positive
    """Least blood, arterial over portal."""
    blood_reversed: Positive
    """The same, so low that it is a contradiction more: no timing of a bolus, but phases exchanged."""
    peak: Positive
    """Least of what the arterial phase brightens most over what the hepatobiliary phase does."""
    blood_portal: Positive
    """Least blood, portal over before contrast."""
    blood_before: Positive
    """Most blood, before contrast over hepatobiliary."""
    blood_late: Positive
    """Most blood, hepatobiliary over portal."""
    liver_portal: Positive
    """Least liver, portal over arterial."""
    liver_hepatobiliary: Positive
    """Least liver, hepatobiliary over before contrast."""
    uptake: Positive
    """Least gain times loss of brightness, hepatobiliary over before contrast: contrast darkens nothing."""
    liver_uptake: Positive
    """Least gain of the liver over that of the rest, hepatobiliary over before contrast, times `uptake`."""
    shared_noise: Fraction
    """Most correlation of the fine detail of two phases; above it they are images of one acquisition."""
    shared_noise_usual: Fraction
    """Most of the median over the chosen phases: above it images are so smooth that anatomy passes for noise."""
    slab: Fraction
    """Most correlation of the fine detail of slices of a phase, above what the others have; more: a projection."""
    thick_slices: Fraction
    """The same of T2 and diffusion, for itself."""
    displaced_mm: Positive
    """Most by which a phase may lie elsewhere than the others, mm: what breath and movement do."""
    continuity: Fraction
    """Least median correlation of neighbouring slices, in pixels of 6 mm; less: noise."""
    foreign_slice: Fraction
    """Most by which the slices beside one are more alike than either is to it; more: of another stack."""
    liver_to_blood: Positive
    """Least liver over blood in the hepatobiliary phase; less: taken too early, or too little taken up."""


class DecisionRules(Section):
    """When an assignment is believed."""

    margin: Positive
    """Least distance to the best different assignment."""
    minimum_score: Annotated[dict[str, NotNegative], AfterValidator(exactly(ROLE_NAMES))]
    """Least score of each role."""
    candidates: Annotated[int, Field(ge=2, le=20)]
    """Candidates kept for each role."""
    families: Annotated[int, Field(ge=1, le=5)]
    """Evidence families that must speak for a dynamic role."""
    derived: Literal["refuse", "allow"]
    """Whether images that call themselves DERIVED, and say nothing of what they are, may fill a role."""
