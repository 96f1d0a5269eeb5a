"""nginx with one process and sendfile: what is possible without Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from bench.lanes.files.peers import UVICORN, FilePeer

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
if _PROGRAM is None:
    raise ImportError("nginx is not on the path")

_BUILD = subprocess.run([_PROGRAM, "-V"], check=True, capture_output=True, text=True).stderr

# One process, as everyone has one. Its log goes to standard error.
_CONFIGURATION = """\
daemon off;
master_process off;
worker_processes 1;
error_log stderr;
pid {scratch}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type application/octet-stream;
    {temporary}
    server {{
        listen 127.0.0.1:{port};
        root {directory};
    }}
}}
"""


def _command(directory: Path, port: int, scratch: Path) -> list[str]:
    # All that it would otherwise make in directories of the system's, which may not be ours to write to.
    modules = set(re.findall(r"--http-([a-z-]+)-temp-path=", _BUILD)) - set(
        re.findall(r"--without-http_(\w+)_module", _BUILD)
    )
    temporary = " ".join(f"{name.replace('-', '_')}_temp_path {scratch};" for name in sorted(modules))
    configuration = scratch / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(scratch=scratch, temporary=temporary, port=port, directory=directory), encoding="utf-8"
    )
    return [str(_PROGRAM), "-p", str(scratch), "-c", str(configuration), "-e", "stderr"]


PEER = FilePeer(
    name="nginx",
    label="nginx ‡",
    note=f"its own server (‡), {_BUILD.splitlines()[0].removeprefix('nginx version: ')}: one process, sendfile, no access log",
    distributions=(),
    command=_command,
    servers=frozenset({UVICORN}),
)
