"""The name of `starlette.staticfiles`: change the import line and nothing else."""

from rejoinder._static import StaticFiles

__all__ = ["StaticFiles"]
