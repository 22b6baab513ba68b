"""Outlines drawn by hand, from DICOM SEG and RTSTRUCT to a mask on the voxels of their sequence."""

from dicom_io.masks.reading import frame_of_reference, is_dicom, read_dicom_mask

__all__ = ["frame_of_reference", "is_dicom", "read_dicom_mask"]
