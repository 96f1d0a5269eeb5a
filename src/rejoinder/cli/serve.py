"""`rejoinder serve`: the files of a directory, for the one who works on them."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, _SubParsersAction
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware

from rejoinder.cli.access_log import AccessLog, printable, wants_colour
from rejoinder.cli.listener import FIRST_PORT, is_loopback, listen, urls
from rejoinder.cli.local_hosts import LocalHosts
from rejoinder.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_INDEX = "index.html"


def add_parser(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Adds the subcommand."""
    parser = commands.add_parser(
        "serve",
        help="serve the files of a directory",
        description="Serve the files of a directory over HTTP.",
    )
    parser.add_argument(
        "directory", metavar="DIR", nargs="?", type=Path, default=Path(), help="default: this directory"
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
    _check(options)
    with listen(options.host, options.port) as listener:
        app = make_app(options, local=is_loopback(listener))
        first, *others = urls(listener)
        lines = [f"Serving {printable(str(options.directory.resolve()))} at {first} (Ctrl-C ends it)"]
        if options.port is None and listener.getsockname()[1] != FIRST_PORT:
            lines.append(f"Port {FIRST_PORT} is taken.")
        lines += [f"In the network: {url}" for url in others]
        serve(app, listener, partial(_tell, "\n".join(lines)), first if options.open else None)


def make_app(options: Namespace, *, local: bool) -> "ASGIApp":
    """The application; `local`: only this machine can reach it."""
    app: ASGIApp = ExceptionMiddleware(
        StaticFiles(
            directory=options.directory,
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


def _check(options: Namespace) -> None:
    """That there is something to serve."""
    try:
        next(options.directory.iterdir(), None)
    except OSError as error:
        sys.exit(f"rejoinder serve: cannot serve {str(options.directory)!r}: {error.strerror}")
    if options.spa and not (options.directory / _INDEX).is_file():
        sys.exit(f"rejoinder serve: --spa needs an {_INDEX} in {str(options.directory)!r}")


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody reads it any more; the files are served all the same
        print(text, flush=True)  # noqa: T201 - what a command is for
