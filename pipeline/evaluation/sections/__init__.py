"""The sections of the report, each made from scores that are proved honest first."""
