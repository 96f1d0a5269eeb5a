"""A folder as folders are: with names that nobody planned for, a script that was compressed when it was built, a secret."""

import atexit
import gzip
import shutil
import tempfile
from pathlib import Path

_SCRIPT = "".join(f"export const square{number} = {number * number};\n" for number in range(400))
_TEXTS = {
    "read me.txt": "Nothing here is in the repository: it is made when the gallery starts.\n",
    "50% off & more #1.txt": "Percent, ampersand, number sign.\n",
    "{{ name }} ${HOME}.txt": "Nobody fills these in.\n",
    "你好, Zoë.txt": "Any language.\n",
    "build/app.js": _SCRIPT,
    "photos/2026/spring/notes.txt": "Three folders down.\n",
    "photos/index of photos.csv": "name,year\nspring,2026\n",
    ".env": "PASSWORD=hunter2\n",
}


def make_shelf() -> Path:
    """A temporary folder with such files. It is gone when Python ends."""
    shelf = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, shelf, ignore_errors=True)
    for name, text in _TEXTS.items():
        path = shelf / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    (shelf / "build/app.js.gz").write_bytes(gzip.compress(_SCRIPT.encode(), mtime=0))
    return shelf
