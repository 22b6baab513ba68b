"""Phantom studies as a scanner's DICOM: the series of the examination, vendors' dialects, scenarios, truth."""
