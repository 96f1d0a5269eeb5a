"""Properties are checked with the same examples in each run, however slow the machine."""

from hypothesis import settings

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")
