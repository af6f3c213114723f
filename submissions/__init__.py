"""Submissions of third-party results: format, quarantine and review."""
