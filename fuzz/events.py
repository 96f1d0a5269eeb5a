"""Event streams: a line each of an id, a name and a comment, then data, which somebody may publish for all to read."""

from tests.encode.test_sse import EventSource

from rejoinder._channel import History
from rejoinder._encode.sse import encode_draft, encode_gap, format_event, parse_last_event_id
from rejoinder.sse import ServerSentEvent

SEEDS = [
    b"1-0\nprice\nhello\n3\n4",
    b"a\r\nb\nx\r\n\r\ndata: forged\n\nid: 7\n\n\n",
    b"\0\nretry\n\n\xef\xbb\xbfdata",
    "é—\ud800\n:\n\u2028\n\x85".encode(errors="surrogatepass"),
    b" 1\n name\nevent: a\rid: b\n lines\rand\r\nlines\n",
    b"\n\n\n",
]


def target(data: bytes) -> None:
    id_, event, comment, content = (*data.decode("utf-8", "surrogateescape").split("\n", 3), "", "", "")[:4]
    wire = format_event(data=content.encode(errors="replace"), event=event, id=id_, comment=comment)
    (found,) = EventSource().read(wire).dispatched
    assert found[1] == lines(content)
    assert found[0].replace("\0", "") == one_line(event) or found[0] == "message"
    assert found[2] == one_line(id_)
    check_return(data.partition(b"\n")[0])
    draft = encode_draft(ServerSentEvent(raw_data=content, event=one_line(event)), None).with_id("7")
    assert EventSource().read(draft.encoded).dispatched == [(one_line(event) or "message", found[1], "7")]


def check_return(last_event_id: bytes) -> None:
    """A client comes back with what it was told, or with anything: it gets what it missed, or is told of a gap."""
    history = History(2)
    draft = encode_draft(ServerSentEvent(raw_data="x", id=one_line(last_event_id.decode(errors="replace"))), None)
    event = draft.with_id(draft.id)
    history.append(event)
    history.append(draft.with_id("after " + draft.id))
    told = EventSource().read(event.encoded).dispatched[0][2].encode()
    again = parse_last_event_id([(b"last-event-id", told)])
    assert again is None or again == told.decode() or told != told.strip(b" \t")
    assert again != event.id or [each.id for each in history.replay(again).events] == ["after " + draft.id]
    came = parse_last_event_id([(b"last-event-id", last_event_id)])
    assert (came is None) is (not last_event_id.strip(b" \t"))
    assert EventSource().read(encode_gap(came).encoded).dispatched[0][0] == "gap"
    assert len(history.replay(came).events) <= 2


def lines(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\r\n", "\n").replace("\r", "\n")


def one_line(text: str) -> str:
    return text.encode(errors="replace").decode().replace("\r", "").replace("\n", "").replace("\0", "")
