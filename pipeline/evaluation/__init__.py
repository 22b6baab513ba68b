"""The paper's experiments on a cohort whose features are extracted; offline, nothing at run time imports it."""
