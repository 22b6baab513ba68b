"""The boundary: DICOM files and messages to typed values and back."""
