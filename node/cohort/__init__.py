"""What a cohort file names, read for the offline verbs."""
