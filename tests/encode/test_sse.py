"""Server-sent events, read back by the rules of the HTML standard, 9.2.5 and 9.2.6."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rejoinder._encode.json import encode_json
from rejoinder._encode.sse import (
    EncodedEvent,
    EventEncoder,
    ServerSentEvent,
    encode_draft,
    encode_event,
    format_event,
    parse_last_event_id,
)


@dataclass
class EventSource:
    """The parser of the HTML standard, step by step."""

    dispatched: list[tuple[str, str, str]] = field(default_factory=list)  # type, data, lastEventId
    retry: int | None = None
    _data: str = ""
    _type: str = ""
    _id: str = ""

    def read(self, stream: bytes) -> "EventSource":
        text = stream.decode("utf-8")  # strict: what we send must be UTF-8
        text = text.removeprefix("\ufeff")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        assert lines[-1] == ""  # no line without an end
        for line in lines[:-1]:
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        if line == "":
            self._dispatch()
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            self._field(name, value.removeprefix(" "))

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._type = value
            case "data":
                self._data += value + "\n"
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit():
                self.retry = int(value)

    def _dispatch(self) -> None:
        if self._data:
            self.dispatched.append((self._type or "message", self._data.removesuffix("\n"), self._id))
        self._data = self._type = ""


TEXT = st.text(st.one_of(st.sampled_from("\r\n\0 :\u2028\u0085\x0b\x0c\x1c\ufeffa"), st.characters()))
LINE = TEXT.map(lambda text: text.replace("\r", "").replace("\n", ""))


def as_read(text: str) -> str:
    """What is left of a text when its line ends are all of one kind, and it has passed UTF-8."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


@given(TEXT, LINE, LINE.map(lambda text: text.replace("\0", "")), st.integers(0, 2**63), TEXT)
def test_an_event_is_read_as_it_was_written(data: str, event: str, name: str, retry: int, comment: str) -> None:
    written = ServerSentEvent(raw_data=data, event=event, id=name, retry=retry, comment=comment)
    source = EventSource().read(encode_event(written) * 2)
    assert source.dispatched == [(as_read(event) or "message", as_read(data), as_read(name))] * 2
    assert source.retry == retry


@given(TEXT, TEXT, TEXT, TEXT)
def test_no_text_can_forge_an_event(data: str, event: str, name: str, comment: str) -> None:
    forged = "\n\ndata: forged\n\n"
    encoded = format_event(
        data=(data + forged).encode("utf-8", "replace"),
        event=event + forged,
        id=name + forged,
        comment=comment + forged,
    )
    ((_, read, _),) = EventSource().read(encoded).dispatched
    assert read == as_read(data + forged)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_an_object_is_read_as_its_json(item: Any) -> None:
    ((kind, data, last_id),) = EventSource().read(encode_event(item)).dispatched
    assert (kind, data, last_id) == ("message", encode_json(item).decode(), "")


FORMATTED = [
    pytest.param(ServerSentEvent(data={"a": 1}), b'data: {"a":1}\n\n', id="object"),
    pytest.param(ServerSentEvent(data="a\nb"), b'data: "a\\nb"\n\n', id="text-is-json"),
    pytest.param(
        ServerSentEvent(raw_data="a\r\nb\rc\nd\n"), b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n", id="lines"
    ),
    pytest.param(ServerSentEvent(raw_data=""), b"data: \n\n", id="empty-data"),
    pytest.param(ServerSentEvent(raw_data="  a"), b"data:   a\n\n", id="leading-spaces"),
    pytest.param(ServerSentEvent(raw_data="a\u2028b\x85c"), "data: a\u2028b\x85c\n\n".encode(), id="not-line-ends"),
    pytest.param(ServerSentEvent(raw_data="\ufeffa"), "data: \ufeffa\n\n".encode(), id="byte-order-mark"),
    pytest.param(ServerSentEvent(raw_data="a\0b\ud800"), b"data: a\0b?\n\n", id="nul-and-surrogate"),
    pytest.param(ServerSentEvent(comment="a\n\nb"), b": a\n: \n: b\n\n", id="comment"),
    pytest.param(ServerSentEvent(event="", id=""), b"event: \nid: \n\n", id="empty-fields"),
    pytest.param(ServerSentEvent(), b"\n", id="nothing"),
    pytest.param(
        ServerSentEvent(data=0, event="e", id="1", retry=5, comment="c"),
        b": c\nevent: e\ndata: 0\nid: 1\nretry: 5\n\n",
        id="all-fields",
    ),
    pytest.param(b"data: x\n\n", b"data: x\n\n", id="bytes"),
    pytest.param(bytearray(b": x\n\n"), b": x\n\n", id="bytearray"),
    pytest.param(memoryview(b": x\n\n"), b": x\n\n", id="memoryview"),
    pytest.param(None, b"data: null\n\n", id="null"),
    pytest.param("a", b'data: "a"\n\n', id="str"),
    pytest.param(msgspec.Raw(b"[1,\n\r\n2]"), b"data: [1,   2]\n\n", id="raw-json-with-line-ends"),
    pytest.param(EncodedEvent("1", b"data: x\nid: 1\n\n"), b"data: x\nid: 1\n\n", id="encoded"),
]


@pytest.mark.parametrize(("item", "encoded"), FORMATTED)
def test_the_bytes_of_an_item(item: object, encoded: bytes) -> None:
    assert encode_event(item) == encoded


REFUSED = [
    pytest.param({"event": "a\nb"}, "single line", id="event-with-line-feed"),
    pytest.param({"event": "a\rb"}, "single line", id="event-with-carriage-return"),
    pytest.param({"id": "a\r\nb"}, "single line", id="id-with-line-end"),
    pytest.param({"id": "a\0b"}, "NUL", id="id-with-nul"),
    pytest.param({"id": 1}, "must be str, got int", id="id-of-another-type"),
    pytest.param({"raw_data": 1}, "must be str, got int", id="raw-data-of-another-type"),
    pytest.param({"retry": -1}, "at least 0", id="negative-retry"),
    pytest.param({"retry": "1"}, "at least 0", id="retry-of-another-type"),
    pytest.param({"data": 1, "raw_data": "1"}, "got both", id="both-kinds-of-data"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_an_event_that_cannot_be_is_refused_when_made(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ServerSentEvent(**fields)


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_fastapi_refuses_the_same(fields: dict[str, Any], message: str) -> None:
    sse = pytest.importorskip("fastapi.sse")
    with pytest.raises(ValueError):
        sse.ServerSentEvent(**{**fields, "retry": "x"} if fields.get("retry") == "1" else fields)


def test_what_is_assigned_later_forges_nothing_either() -> None:
    event = ServerSentEvent(raw_data="a", event="e", id="1")
    event.event, event.id = "e\n\ndata: forged", "2\0\r\n\r\ndata: forged"
    assert encode_event(event) == b"event: edata: forged\ndata: a\nid: 2data: forged\n\n"


def test_events_of_other_libraries() -> None:
    @dataclass
    class ServerSentEvent:  # as sse-starlette's: all data is text
        data: object
        event: str | None = None
        id: str | None = None
        retry: int | None = None
        comment: str | None = None

    class JSONServerSentEvent(ServerSentEvent):
        pass

    assert encode_event(JSONServerSentEvent("a\r\nb", "e", "1")) == b"event: e\ndata: a\ndata: b\nid: 1\n\n"
    assert encode_event(ServerSentEvent(3)) == b"data: 3\n\n"
    assert encode_event(ServerSentEvent(None, comment="c")) == b": c\n\n"


def test_events_of_sse_starlette() -> None:
    sse = pytest.importorskip("sse_starlette")
    for event in (
        sse.ServerSentEvent("a\r\nb\n", event="e\n", id="1", retry=3, comment="c"),
        sse.ServerSentEvent(3, id="1"),
        getattr(sse, "JSONServerSentEvent", sse.ServerSentEvent)({"a": [1]}),  # not in its oldest versions
        sse.ServerSentEvent(""),
    ):
        ours, theirs = (EventSource().read(encoded) for encoded in (encode_event(event), event.encode()))
        assert ours == theirs
        assert ours.dispatched


MODEL_EVENTS: list[dict[str, Any]] = [
    {"data": {"a": 1}},
    {"raw_data": " a\r\nb\rc", "event": "e", "id": "1", "retry": 0, "comment": "c\nd"},
    {"raw_data": ""},
    {"comment": "c"},
    {"event": ""},
    {},
]


@pytest.mark.parametrize("fields", MODEL_EVENTS, ids=str)
def test_events_of_fastapi_and_ours_are_the_same_on_the_wire(fields: dict[str, Any]) -> None:
    sse = pytest.importorskip("fastapi.sse")
    assert encode_event(sse.ServerSentEvent(**fields)) == encode_event(ServerSentEvent(**fields))


def test_a_model_as_the_data_of_an_event_has_the_names_of_its_fields_as_with_fastapi() -> None:
    pydantic = pytest.importorskip("pydantic")
    Model = pydantic.create_model("Model", inner=(int, pydantic.Field(serialization_alias="outer")))
    assert encode_event(ServerSentEvent(data=Model(inner=1))) == b'data: {"inner":1}\n\n'
    assert encode_event(Model(inner=1)) == b'data: {"outer":1}\n\n'


FOR_ALL = [
    pytest.param({"a": 1}, "7", b'data: {"a":1}\nid: 7\n\n', id="object"),
    pytest.param(ServerSentEvent(data=1, event="e"), "7", b"event: e\ndata: 1\nid: 7\n\n", id="event"),
    pytest.param(ServerSentEvent(data=1, id="own"), "own", b"data: 1\nid: own\n\n", id="event-with-an-id"),
    pytest.param(ServerSentEvent(data=1, id=""), "7", b"data: 1\nid: 7\n\n", id="event-with-an-empty-id"),
]


@pytest.mark.parametrize(("item", "name", "encoded"), FOR_ALL)
def test_an_event_for_all_has_an_id(item: object, name: str, encoded: bytes) -> None:
    draft = encode_draft(item, "key")
    event = draft.with_id(draft.id or "7")
    assert (event.id, event.encoded, event.key) == (name, encoded, "key")


def test_the_id_of_an_event_for_all_is_the_one_that_comes_back() -> None:
    event = ServerSentEvent(data=1)
    event.id = "a\n\0\ud800b"
    draft = encode_draft(event, None)
    encoded = draft.with_id(draft.id)
    assert EventSource().read(encoded.encoded).dispatched == [("message", "1", encoded.id)]


@pytest.mark.parametrize("item", [b"data: x\n\n", EncodedEvent("", b"")], ids=["bytes", "encoded"])
def test_an_event_for_all_is_an_object(item: object) -> None:
    with pytest.raises(TypeError, match="which gets an id"):
        encode_draft(item, None)


LAST_EVENT_IDS = [
    pytest.param([], None, id="none"),
    pytest.param([(b"last-event-id", b"")], None, id="empty"),
    pytest.param([(b"last-event-id", b"  ")], None, id="blank"),
    pytest.param([(b"accept", b"*/*"), (b"last-event-id", b" 7 ")], "7", id="one"),
    pytest.param([(b"last-event-id", "größe".encode())], "größe", id="utf-8"),
    pytest.param([(b"last-event-id", b"\xff")], "\ufffd", id="not-utf-8"),
    pytest.param([(b"last-event-id", b"1"), (b"last-event-id", b"2")], "1, 2", id="two"),
]


@pytest.mark.parametrize(("fields", "name"), LAST_EVENT_IDS)
def test_the_last_event_id_of_a_request(fields: list[tuple[bytes, bytes]], name: str | None) -> None:
    assert parse_last_event_id(fields) == name


def test_the_encoder() -> None:
    encoder = EventEncoder(3000)
    stream = encoder.begin() + encoder.encode(1) + encoder.fail({"error": "x"}) + encoder.end()
    source = EventSource().read(stream)
    assert (source.retry, [data for _, data, _ in source.dispatched]) == (3000, ["1", '{"error":"x"}'])
    assert EventEncoder(None).begin() == b""
