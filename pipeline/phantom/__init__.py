"""Physics-based gadoxetate livers with ground truth: for the demo, the tests and the demonstration model."""

from pipeline.phantom.case import PhantomCase, PhantomTruth, make_case
from pipeline.phantom.settings import PhantomSettings
from pipeline.phantom.truth import TumourTruth

__all__ = ["PhantomCase", "PhantomSettings", "PhantomTruth", "TumourTruth", "make_case"]
