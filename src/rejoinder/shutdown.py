"""Endless streams end when the server is told to stop: by hand with `trigger`, by the process's signals unless `disable`.

What ends, behind which servers, and what does not: `docs/shutdown.md`.
"""

from rejoinder._shutdown import disable, trigger

__all__ = ["disable", "trigger"]
