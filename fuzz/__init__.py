"""Fuzzing of what reads the bytes of a client, an upstream or a broker: `python -m fuzz ranges -max_total_time=60`.

That needs atheris; the suite does without. A module here is a target: SEEDS, which show what inputs look like, and `target`,
which raises where a promise is broken. What targets share has a name with an underscore.
"""
