"""Metrics on trial: pairs of edits whose better member is known because one of the two was damaged on purpose."""
