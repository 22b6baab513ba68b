"""Results read back as a PACS gets them, for comparison with what a phantom was made of."""
