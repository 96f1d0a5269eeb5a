"""Digests of what is read and not in memory: before it is sent, so that the header section can tell them.

All of a representation may be much, and a client may ask for one octet of it again and again. So the digest of a file is
remembered, for as long as the file is the same.
"""

from collections import OrderedDict
from collections.abc import Iterable

from rejoinder._http.digests import CONTENT_DIGEST, Digest
from rejoinder._http.fields import set_field
from rejoinder._http.status import WITH_CONTENT
from rejoinder._plan import Extent, Part, Plan, Slice
from rejoinder._send import read_slice
from rejoinder._sources import Announced, OpenSource
from rejoinder._sources.local import OpenFile
from rejoinder._turns import turns

_REMEMBERED = 1024
_remembered: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()


async def add_digests(answer: Plan, source: OpenSource, digests: Iterable[Digest], *, portion: int) -> Plan:
    """The same answer, and the digests of its content, and of the whole, among its fields.

    Raises:
        OSError: the source cannot be read, or has less than it said.
    """
    if answer.status not in WITH_CONTENT:
        return answer
    headers, whole = answer.headers.copy(), (Slice(0, source.size),)
    for digest in digests:
        parts: tuple[Part, ...] = answer.body if digest.name == CONTENT_DIGEST else whole
        if parts == whole and isinstance(source, OpenFile):
            value = await _digest_of_file(source, digest, portion)
        else:
            value = await _digest_of(parts, source, digest, portion)
        set_field(headers, digest.format(value))
    return answer._replace(headers=headers)


async def _digest_of_file(file: OpenFile, digest: Digest, portion: int) -> bytes:
    version = (file.path, file.etag, digest.algorithm)
    value = _remembered.pop(version, None)
    if value is None:
        value = await _digest_of((Slice(0, file.size),), file, digest, portion)
    _remembered[version] = value  # as the one last used
    if len(_remembered) > _REMEMBERED:
        _remembered.popitem(last=False)
    return value


async def _digest_of(parts: Iterable[Part], source: OpenSource, digest: Digest, portion: int) -> bytes:
    state, turn = digest.start(), turns()
    for part in parts:
        if isinstance(part, bytes):
            state.update(part)
        elif part is not Extent.TO_END:  # every source knows its size
            position = part.start
            if isinstance(source, Announced) and len(part) > portion:
                source.expect(part.start, part.stop)
            while position < part.stop:
                data = await read_slice(source, position, min(position + portion, part.stop))
                state.update(data)
                position += len(data)
                await turn()
    return state.digest()
