"""The computation: arrays in, arrays out. No DICOM, socket, database, clock or environment."""
