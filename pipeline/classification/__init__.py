"""Risk of microvascular invasion: reduction, two-layer networks, ensemble, calibration."""

from pipeline.classification.ensemble import CLINICAL_FEATURES, TUMOUR_SIZE
from pipeline.classification.risk import Classification, classify
from pipeline.classification.settings import ClassificationSettings

__all__ = ["CLINICAL_FEATURES", "TUMOUR_SIZE", "Classification", "ClassificationSettings", "classify"]
