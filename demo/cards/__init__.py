"""One file for each lane, in the order of the page."""

from demo.cards import bytes_lane, files_lane, streams_lane, zip_lane

__all__ = ["bytes_lane", "files_lane", "streams_lane", "zip_lane"]
