"""The socket that `rejoinder serve` listens at, and the URLs that lead there."""

import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

FIRST_PORT = 8000
_PORTS = range(FIRST_PORT, FIRST_PORT + 100)


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket: at the port, or at the first free one where None is asked for.

    Raises:
        SystemExit: there is none; the reason.
    """
    for candidate in _PORTS if port is None else (port,):
        try:
            return _listen(host, candidate)
        except socket.gaierror as error:
            sys.exit(f"rejoinder serve: {host!r} is no address of this machine: {error.strerror}")
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                sys.exit(f"rejoinder serve: cannot listen at port {candidate} of {host!r}: {error.strerror}")
    if port is None:
        sys.exit(f"rejoinder serve: all ports from {_PORTS[0]} to {_PORTS[-1]} are taken; pass another one with --port")
    sys.exit(f"rejoinder serve: port {port} is taken; pass another one, or leave --port out for the next free one")


def _listen(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, dualstack_ipv6=both)


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def urls(listener: socket.socket) -> list[str]:
    """Where a browser finds it; the first is for this machine."""
    host, port = listener.getsockname()[:2]
    if not ipaddress.ip_address(host).is_unspecified:
        return [_url(host, port)]
    hosts = ["127.0.0.1" if listener.family == socket.AF_INET else "::1", *_addresses(listener.family)]
    return [_url(host, port) for host in hosts]


def _addresses(family: int) -> Iterator[str]:
    """The addresses under which the network knows this machine."""
    targets = [(socket.AF_INET, "192.0.2.1")]  # kept for documentation: nobody is there
    if family == socket.AF_INET6:
        targets.append((socket.AF_INET6, "2001:db8::1"))
    for kind, target in targets:
        with suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))  # sends nothing, but chooses the address to send from
            yield probe.getsockname()[0]


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
