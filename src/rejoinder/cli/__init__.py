"""The command `rejoinder`."""

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from io import TextIOWrapper

from rejoinder._version import __version__
from rejoinder.cli import serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; the exit status.

    Raises:
        SystemExit: it cannot be done; its argument is the status, or tells why.
    """
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal need not have the letters of every name
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = ArgumentParser("rejoinder", description="The command line of rejoinder.")
    parser.add_argument("--version", action="version", version=f"rejoinder {__version__}")
    serve.add_parser(parser.add_subparsers(required=True, metavar="COMMAND", title="commands"))
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:  # before the server listens to it
        return 130
    return 0
