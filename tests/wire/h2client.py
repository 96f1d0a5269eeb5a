"""A client that speaks HTTP/2 in clear text with prior knowledge; h2, its parser, raises where a server breaks RFC 9113."""

import socket
from typing import NamedTuple

import h2.config
import h2.connection
import h2.events


class Answer(NamedTuple):
    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self.fields if found == name]


class Connection:
    """A client's end of one connection, with one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.parser = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.parser.initiate_connection()
        self.socket.sendall(self.parser.data_to_send())

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def ask(self, method: str, path: str, *fields: tuple[str, str]) -> Answer:
        """The answer; h2 holds its content to its content-length."""
        stream = self.parser.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "localhost")]
        self.parser.send_headers(stream, [*head, *fields], end_stream=True)
        answer = Answer(0, [], b"")
        while True:
            self.socket.sendall(self.parser.data_to_send())
            data = self.socket.recv(65536)
            assert data, "the server has closed the connection"
            for event in self.parser.receive_data(data):
                match event:
                    case h2.events.ResponseReceived(headers=received):
                        assert received is not None
                        answer = answer._replace(
                            status=int(dict(received)[b":status"]),
                            fields=[(name, value) for name, value in received if not name.startswith(b":")],
                        )
                    case h2.events.DataReceived(data=chunk, flow_controlled_length=length):
                        answer = answer._replace(body=answer.body + chunk)
                        self.parser.acknowledge_received_data(length, stream)
                    case h2.events.StreamEnded():
                        return answer
                    case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                        raise ConnectionError(event)
                    case _:
                        pass
