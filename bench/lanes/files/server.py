"""A file server in a process of its own, and a request to it.

It is bound to no core, as it would not be in production: most of these servers work with threads, and with all of them
on one core they would be spared what it costs to wake one on another, and denied what they gain by it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bench import client
from bench.cases import WrongAnswerError, verify
from bench.processes import python, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.asgi import Answer
    from bench.corpus import Corpus
    from bench.lanes.files.cases import FileCase
    from bench.lanes.files.peers import FilePeer


@dataclass(frozen=True)
class FileServer:
    """A peer that answers at a loopback port."""

    peer: FilePeer
    port: int
    pid: int

    def url(self, file: str) -> str:
        return f"http://127.0.0.1:{self.port}/{file}"

    def ask(self, file: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        return client.ask(self.port, f"/{file}", method, headers)

    def headers_for(self, case: FileCase) -> Mapping[str, str]:
        """The header fields of the case's request to this peer."""
        return (
            {**case.headers, "If-None-Match": self.ask(case.file).header("etag")} if case.revalidates else case.headers
        )

    def can(self, case: FileCase) -> bool:
        """Whether it answers as the case asks for.

        Raises:
            WrongAnswerError: it does not and is not known for it, or it does and is said not to.
        """
        answer = self.ask(case.file, case.method, self.headers_for(case))
        if case.name not in self.peer.lacks:
            verify(self.peer.name, case, answer)
            return True
        try:
            verify(self.peer.name, case, answer)
        except WrongAnswerError:
            return False
        raise WrongAnswerError(f"{self.peer.name} does answer {case.name}; it is no longer one that lacks it")


@contextmanager
def serving(peer: FilePeer, server: str, corpus: Corpus, *options: str) -> Iterator[FileServer]:
    """The peer's own process, ready when the block is entered and gone when it is left."""
    ours = python("bench.lanes.files.serve", server, peer.name, str(corpus.directory), *options)
    with running(peer.name, partial(peer.command, corpus.directory) if peer.command else ours) as started:
        yield FileServer(peer, started.port, started.pid)
