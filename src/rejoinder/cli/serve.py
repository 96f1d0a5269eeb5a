"""`rejoinder serve`: the files of a directory, or the objects of a bucket, for the one who works on them."""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware

from rejoinder._sources.objectstore import ObjectStoreDirectory, ObjectStoreError, open_bucket
from rejoinder.cli.access_log import AccessLog, printable, wants_colour
from rejoinder.cli.listener import FIRST_PORT, is_loopback, listen, urls
from rejoinder.cli.local_hosts import LocalHosts
from rejoinder.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_INDEX = "index.html"
_AZURE = "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, ..."
_TOLD_BY = {
    "s3": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT, ...",
    "az": _AZURE,
    "abfs": _AZURE,
    "abfss": _AZURE,
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, ...",
}
_bucket_url = re.compile(rf"(?P<scheme>{'|'.join(_TOLD_BY)})://[^/?#]+(?:/[^?#]*)?").fullmatch


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "serve",
        help="serve the files of a directory, or the objects of a bucket",
        description="Serve the files of a directory, or the objects of a bucket, over HTTP.",
    )
    parser.add_argument(
        "place", metavar="DIR", nargs="?", default=".", help="a directory (default: this one), or s3://bucket/prefix"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0: the network (default: %(default)s)"
    )
    parser.add_argument("--port", type=_port, help=f"default: {FIRST_PORT}, or the next free one; 0: any")
    parser.add_argument("--open", action="store_true", help="open the browser")
    parser.add_argument("--spa", action="store_true", help=f"single-page app: {_INDEX} for pages that do not exist")
    parser.add_argument("--cors", action="store_true", help="let scripts of any site read the files")
    parser.add_argument("--dotfiles", action="store_true", help="also files whose name begins with a dot")
    parser.set_defaults(run=run)


def run(options: Namespace) -> None:
    """Serves until a signal ends it.

    Raises:
        SystemExit: it cannot; the reason.
    """
    try:
        from rejoinder.cli.server import serve
    except ImportError:
        sys.exit('rejoinder serve needs uvicorn: pip install "rejoinder[serve]"')
    is_bucket = "://" in options.place
    directory = _open_bucket(options) if is_bucket else _open_directory(options)
    shown = options.place if is_bucket else str(Path(options.place).resolve())
    with listen(options.host, options.port) as listener:
        app = make_app(directory, options, local=is_loopback(listener))
        first, *others = urls(listener)
        lines = [f"Serving {printable(shown)} at {first} (Ctrl-C ends it)"]
        if options.port is None and listener.getsockname()[1] != FIRST_PORT:
            lines.append(f"Port {FIRST_PORT} is taken.")
        lines += [f"In the network: {url}" for url in others]
        serve(app, listener, partial(_tell, "\n".join(lines)), first if options.open else None)


def make_app(directory: Path | ObjectStoreDirectory, options: Namespace, *, local: bool) -> "ASGIApp":
    """The application; `local`: only this machine can reach it."""
    app: ASGIApp = ExceptionMiddleware(
        StaticFiles(
            directory=directory,
            html=True,
            listing=not options.spa,
            fallback=_INDEX if options.spa else None,
            cache_control="no-cache",  # kept by browsers, and asked for each time: an edit shows at once
            dotfiles=options.dotfiles,
        )
    )
    if options.cors:
        app = CORSMiddleware(
            app,
            allow_origins=["*"],
            allow_methods=["GET", "HEAD"],
            allow_headers=["*"],
            allow_private_network=True,
            expose_headers=["*"],
        )
    elif local:
        app = LocalHosts(app, options.host)
    return AccessLog(app, _tell, colour=wants_colour(sys.stdout))


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):  # noqa: PLR2004
        raise ArgumentTypeError(f"{text!r} is no port; pass a number from 0 to 65535")
    return int(text)


def _open_directory(options: Namespace) -> Path:
    directory = Path(options.place)
    try:
        next(directory.iterdir(), None)
    except OSError as error:
        sys.exit(f"rejoinder serve: cannot serve {str(directory)!r}: {error.strerror}")
    if options.spa and not (directory / _INDEX).is_file():
        sys.exit(f"rejoinder serve: --spa needs an {_INDEX} in {str(directory)!r}")
    return directory


def _open_bucket(options: Namespace) -> ObjectStoreDirectory:
    url: str = options.place
    if (found := _bucket_url(url)) is None:
        sys.exit(
            f"rejoinder serve: {url!r} is no URL of a bucket, such as s3://bucket/prefix, az://container/prefix or "
            "gs://bucket/prefix"
        )
    try:
        bucket = open_bucket(url, _INDEX if options.spa else None)
    except ImportError as error:
        sys.exit(f"rejoinder serve: {error}")
    except FileNotFoundError:
        sys.exit(f"rejoinder serve: --spa needs an {_INDEX} in {url!r}")
    except ObjectStoreError as error:
        sys.exit(
            f"rejoinder serve: cannot serve {url!r}: {error.strerror}\n"
            f"Who asks, and where, is told by the environment: {_TOLD_BY[found['scheme']]}"
        )
    return bucket


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody reads it any more; the files are served all the same
        print(text, flush=True)  # noqa: T201 - what a command is for
