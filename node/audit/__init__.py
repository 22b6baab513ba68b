"""The audit trail: who did what, kept so that a change shows, and told to the hospital's audit repository."""
