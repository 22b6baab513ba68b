"""Model bundles: packed, signed, installed, chosen."""
