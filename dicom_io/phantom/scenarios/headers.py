"""What headers say of contrast and compression, and how objects are encoded."""

from dataclasses import replace

from pydicom import Dataset

from dicom_io.phantom.plan import Agent, Quirk, SeriesKind, StudyPlan
from dicom_io.phantom.scenario import CLASSIC, EVERY, Scenario
from dicom_io.phantom.scenarios.clocks import with_agent, with_quirks
from pipeline.phantom import PhantomCase


def _mark_lossy(ds: Dataset) -> None:
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio, ds.LossyImageCompressionMethod = "10", "ISO_15444_1"


def _lossy(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return plan.changing(lambda series: replace(series, touch=(_mark_lossy,)), SeriesKind.T1_HEPATOBILIARY)


def _converted(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return replace(plan, converted=True)


def _implicit(_case: PhantomCase, plan: StudyPlan) -> StudyPlan:
    return replace(plan, implicit=True)


SCENARIOS = {
    "gadobutrol": Scenario("another agent is named", with_agent(Agent("Gadovist (gadobutrol)", ())), "SM-AGENT"),
    "no-contrast": Scenario(
        "the headers say that no agent was given",
        with_agent(Agent("NONE", (), start_recorded=False, before_too=True, given=False)),
        "SM-AGENT",
        # Multi-frame objects code their agent, and there is no code for none.
        CLASSIC,
    ),
    "no-agent": Scenario("no agent anywhere in the headers", with_agent(Agent("", ()))),
    "unnamed-agent": Scenario("an agent without a name", with_agent(Agent("CONTRAST", ()))),
    "agent-before": Scenario("the agent was typed before it was given", with_agent(Agent(before_too=True))),
    "lossy": Scenario("the hepatobiliary phase was compressed with loss", _lossy, "SM-LOSSY"),
    "vframe": Scenario(
        "slices tiled into one picture (VFRAME)", with_quirks(Quirk.MOSAIC), "SM-VENDOR", vendors=("uih",)
    ),
    "converted": Scenario("an archive made Legacy Converted Enhanced MR of it", _converted, vendors=CLASSIC),
    "implicit": Scenario(
        "Implicit VR, which takes private elements their representation", _implicit, vendors=EVERY
    ),
}
"""By name."""
