"""`/stream/{symbol}`, `/stream`: opens a stream, fresh or where the client's last one stopped."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from api.books import SOURCE_HEADER, source_of
from api.channel_reader import ChannelReader
from api.channels import Channels, Choice
from api.directory import Directory
from api.reader import Reader
from api.socket import socket_of
from api.stream import HEADERS, Stream
from api.stream_choice import last_event_id, parse_choice
from api.streams import Streams
from api.tail import Tail


class StreamRoute:
    """An ASGI application for two routes: it keeps the socket, and no task besides its own."""

    def __init__(
        self,
        directory: Directory,
        tail: Tail,
        channels: Channels,
        streams: Streams,
    ) -> None:
        self._channels = channels
        self._directory = directory
        self._tail = tail
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request until its client or the service leaves; raises Problem before that."""
        request = Request(scope, receive)
        choice = await parse_choice(request, self._directory)
        event_id = last_event_id(request, is_many=choice.is_many)
        source = source_of(await self._directory.states()).encode()
        headers = [(SOURCE_HEADER.lower().encode(), source)]
        if request.method == "HEAD":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]}
            )
            await send({"type": "http.response.body", "body": b""})
            return
        reader = await self._reader(choice)
        stream = Stream(reader, socket_of(scope), send)
        self._streams.add(stream)
        try:
            # Without a name here, which would hold it as long as the stream lasts.
            await stream.run(
                await (reader.resume(event_id) if event_id else reader.open()), headers
            )
        finally:
            stream.detach()
            self._streams.remove(stream)
            reader.close()

    async def _reader(self, choice: Choice) -> Reader | ChannelReader:
        if choice.symbols is not None and choice.cut is None and not choice.is_many:
            return Reader(self._tail, choice.symbols[0])
        channel = await self._channels.join(choice)
        return ChannelReader(self._channels, self._tail, choice, channel)
