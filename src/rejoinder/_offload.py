"""Files that a front server sends, told by a header which of them: nginx, Apache, lighttpd.

The path that is told has no links in it, and no `..`: what the front server opens is what was looked for here, unless
somebody has put a link in its place meanwhile.
"""

import os
from abc import ABC, abstractmethod
from urllib.parse import quote_from_bytes

from rejoinder._http.fields import Field

_SAFE = "/"


class Offload(ABC):
    """How a front server is told."""

    @abstractmethod
    def locate(self, path: bytes) -> Field:
        """The field that names the file at this path, absolute and without links. Called in a thread.

        Raises:
            RuntimeError: the front server does not know where that is.
        """


class AccelRedirect(Offload):
    """For nginx: `FileResponse(path, offload=AccelRedirect("/protected/", root="/srv/files"))`.

    The response has X-Accel-Redirect and no content; nginx sends the file, answers ranges and conditions, and takes from
    this response Content-Type, Content-Disposition, Set-Cookie, Cache-Control and Expires; all else by `add_header` in its
    own configuration. There, this location is one that no client can ask for:

        location /protected/ { internal; alias /srv/files/; }

    Args:
        prefix: the location, as in the configuration.
        root: the directory that it stands for. A path elsewhere is a RuntimeError, which says so.

    Raises:
        ValueError: the prefix does not begin and end with "/".

    >>> AccelRedirect("/protected/", root="/srv/files").prefix
    '/protected/'
    """

    def __init__(self, prefix: str, root: str | os.PathLike[str]) -> None:
        if not (prefix.startswith("/") and prefix.endswith("/")):
            raise ValueError(f"prefix must begin and end with '/', as the location of nginx does; got {prefix!r}")
        self.prefix = prefix
        self.root = os.fsencode(root)

    def locate(self, path: bytes) -> Field:
        """X-Accel-Redirect, percent-encoded, as nginx expects it.

        Raises:
            RuntimeError: the path is not beneath the root.
        """
        root = os.path.realpath(self.root)
        inside = os.path.join(root, b"")  # noqa: PTH118 - bytes; with a "/" at its end
        if not path.startswith(inside):
            raise RuntimeError(
                f"File at path {os.fsdecode(path)} is not beneath {os.fsdecode(root)}, which is all that nginx has at "
                f"{self.prefix}; pass AccelRedirect the root of the location that has it, or no offload"
            )
        return b"x-accel-redirect", _quote(self.prefix.encode() + path[len(inside) :])


class XSendfile(Offload):
    """For Apache (mod_xsendfile) and lighttpd: `FileResponse(path, offload=XSendfile())`.

    The response has X-Sendfile and no content; the front server sends the file, answers ranges and conditions, and keeps
    the headers of this response. Which directories it may send from is in its configuration: XSendFilePath, or
    `x-sendfile-docroot`.

    >>> XSendfile().locate(b"/srv/files/50 %.txt")
    (b'x-sendfile', b'/srv/files/50%20%25.txt')
    """

    def locate(self, path: bytes) -> Field:
        """X-Sendfile, percent-encoded, as both expect it."""
        return b"x-sendfile", _quote(path)


def _quote(path: bytes) -> bytes:
    return quote_from_bytes(path, safe=_SAFE).encode()
