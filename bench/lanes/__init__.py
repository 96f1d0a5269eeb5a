"""The lanes: a room for each, with its cases, its peers, and how they are measured; `lane.py` puts them together."""
