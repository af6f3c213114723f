"""Studies of the methods on the development split: `python -m methods.studies.<name> --device cuda`.

A study is a list of variants of registry rows. They are run by `bench` itself, as a process and by name, so that a
study edits, scores and resumes exactly as any other run; what comes back is summed up with intervals, as JSON and SVG.
"""
