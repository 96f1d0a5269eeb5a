"""The site: `python -m docs` builds it out of the pages in this directory, the reports of `bench` and the docstrings."""
