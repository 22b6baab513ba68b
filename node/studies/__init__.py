"""A study in words, and what people ask of it: assign, try again, export."""
