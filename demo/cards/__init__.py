"""One file for each lane, in the order of the page."""

from demo.cards import bytes_lane, files_lane, streams_lane, zip_lane  # isort: split

from demo.cards import compression_lane  # isort: split

from demo.cards import broker_lane

__all__ = ["broker_lane", "bytes_lane", "compression_lane", "files_lane", "streams_lane", "zip_lane"]
