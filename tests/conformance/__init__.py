"""Programs of other people judge and read the results."""
