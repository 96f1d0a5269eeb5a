"""openat2(2) of Linux, which the standard library does not have: opening that does not wait, and does not escape.

`RESOLVE_CACHED` opens only what the kernel can look up in memory, so the event loop may do it; where it would have to
wait for a disk, it says EAGAIN. `RESOLVE_BENEATH` has the kernel refuse, at each component and without a race, a path
that leaves its directory, be it by "..", by an absolute path or by a symbolic link.
"""

import ctypes
import errno
import os
import struct
import sys

_NUMBER = 437  # on every architecture
_HOW = struct.Struct("=QQQ")  # struct open_how: flags, mode, resolve

RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_CACHED = 0x20
AT_FDCWD = -100
# Flags for a directory to look from; openat2 refuses all others beside O_PATH.
PLACE: int = getattr(os, "O_PATH", 0) | getattr(os, "O_CLOEXEC", 0)


def _find() -> "ctypes._NamedFuncPointer | None":
    if sys.platform != "linux":
        return None
    # PyDLL keeps the GIL: what does not wait is not worth giving it away.
    syscall = ctypes.PyDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    return syscall


_syscall = _find()


def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """A new descriptor for `path`, which has no NUL in it, seen from `directory`.

    Raises:
        BlockingIOError: with RESOLVE_CACHED: it would have to wait.
        OSError: EXDEV where the path would leave the directory; ENOSYS where there is no such call.
    """
    if _syscall is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    descriptor: int = _syscall(_NUMBER, directory, path, _HOW.pack(flags, 0, resolve), _HOW.size)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), os.fsdecode(path))
    return descriptor
