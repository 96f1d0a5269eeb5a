"""A directory to be served, with all that nobody may see around it and in it; made once, gone at the end."""

import gzip
import os
from atexit import register
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

SECRET = b"secret"
SCRIPT = b"let a = 1;" * 200
PUBLIC = {
    "index.html": b"<p>home",
    "404.html": b"<p>none",
    "file.txt": bytes(range(65, 91)),
    "app.3f2a1b9c.js": SCRIPT,
    "app.3f2a1b9c.js.gz": gzip.compress(SCRIPT, mtime=0),
    "sub/index.html": b"<p>sub",
    "list/a b%20c.txt": b"blank",
    "list/back\\slash.txt": b"back",
    "list/C:here.txt": b"C:",
    "list/empty.txt": b"",
    ".well-known/security.txt": b"Contact:",
}
HIDDEN = {".env": SECRET, "sub/.git/config": SECRET, "list/.hidden": SECRET}


@cache
def site() -> Path:
    around = TemporaryDirectory()
    register(around.cleanup)
    root = Path(around.name) / "root"
    for name, content in {**PUBLIC, **HIDDEN, "../secret.txt": SECRET, "../root-beside/file.txt": SECRET}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "odd").mkdir()
    (root / "odd" / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"latin-1")
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    return root
