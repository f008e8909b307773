"""Recorded requests and responses, held against the spec."""
