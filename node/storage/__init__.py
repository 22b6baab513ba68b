"""The storage folder: images under their final names, results beside them, and what is deleted when."""
