"""This library beside its peers: `python -m bench`. How a figure comes about is told in `bench.measure`."""
