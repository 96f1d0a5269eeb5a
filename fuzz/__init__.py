"""Fuzzing of what reads a client's bytes: `python -m fuzz ranges -max_total_time=60`, with atheris installed.

A module here is a target: SEEDS, which show what inputs look like, and `target`, which raises where a promise is broken.
"""
