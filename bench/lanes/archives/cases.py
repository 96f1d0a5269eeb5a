"""What is packed: folders of files, and what their archives must have in them."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

from bench.cases import WrongAnswerError

if TYPE_CHECKING:
    from pathlib import Path

SEED = 7
"""So that it is the same in each run."""
LARGE, SMALL, TEXT = "large", "small", "text"
TITLES = {LARGE: "4 x 8 MiB, stored", SMALL: "500 x 4 KiB, stored", TEXT: "8 x 512 KiB of text, deflated"}
DEFLATED = {TEXT}
_SHAPES = {LARGE: (4, 8 * 1024 * 1024), SMALL: (500, 4 * 1024), TEXT: (8, 512 * 1024)}


def octets(case: str) -> int:
    """How much content there is."""
    count, size = _SHAPES[case]
    return count * size


def make(root: Path) -> None:
    """Write the folders of all cases."""
    chance = random.Random(SEED)
    words = [chance.randbytes(4).hex()[: chance.randint(2, 8)] for _ in range(500)]
    for case, (count, size) in _SHAPES.items():
        (root / case).mkdir()
        for number in range(count):
            content = chance.randbytes(size)
            if case in DEFLATED:
                content = " ".join(chance.choices(words, k=size // 4)).encode()[:size]
            (root / case / f"{number:04}.bin").write_bytes(content)


def check(case: str, archive: bytes) -> None:
    """Refuse an archive that is not one of this folder."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        files = [info for info in opened.infolist() if not info.is_dir()]
        method = zipfile.ZIP_DEFLATED if case in DEFLATED else zipfile.ZIP_STORED
        right = len(files) == _SHAPES[case][0] and sum(info.file_size for info in files) == octets(case)
        if not right or opened.testzip() is not None or {info.compress_type for info in files} != {method}:
            raise WrongAnswerError(f"{case}: another archive, of {len(files)} files")
