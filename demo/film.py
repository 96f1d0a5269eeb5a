"""A film as large as films are, made of a clip that is small enough to be kept here.

A player has the whole of a small clip before anybody can seek in it. So that there is something to ask for, a hole is
put into the middle of the clip. It costs no room on the disk, and no frame is in it: an MP4 file says where its frames
are (ISO/IEC 14496-12, 8.7.5), and those behind the hole are said to be further on.
"""

import atexit
import os
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

_BOX = struct.Struct(">I4s")
_VERSION_FLAGS = 4


def make_film(clip: Path, hole: int) -> Path:
    """A temporary file: the clip, with a hole of so many bytes before its second half. It is gone when Python ends."""
    content = bytearray(clip.read_bytes())
    middle = min(offset for place, offset in _chunk_offsets(content) if offset > len(content) // 2)
    for place, offset in _chunk_offsets(content):
        if offset >= middle:
            struct.pack_into(">I", content, place, offset + hole)
    # The last box, which has the frames, is so much longer.
    start = content.index(b"mdat") - 4
    _BOX.pack_into(content, start, len(content) - start + hole, b"mdat")
    descriptor, name = tempfile.mkstemp(suffix=clip.suffix)
    with os.fdopen(descriptor, "wb") as film:
        film.write(content[:middle])
        film.seek(hole, os.SEEK_CUR)
        film.write(content[middle:])
    path = Path(name)
    atexit.register(path.unlink, missing_ok=True)
    return path


def _chunk_offsets(content: bytearray) -> Iterator[tuple[int, int]]:
    """Of each entry in the tables of chunks: where it stands, and what it says."""
    table = content.find(b"stco")
    while table >= 0:
        first = table + len(b"stco") + _VERSION_FLAGS + 4
        (entries,) = struct.unpack_from(">I", content, first - 4)
        for place in range(first, first + 4 * entries, 4):
            yield place, *struct.unpack_from(">I", content, place)
        table = content.find(b"stco", first)
