"""An instance arrives: the receiver's process, whom it lets in, and what becomes of what they send."""
