"""What `rejoinder.testing` is made of. Stands alone: standard library and anyio, nothing else of this package."""
