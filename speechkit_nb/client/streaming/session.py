"""A stream: audio that is recognized while it comes in.

Three threads work for it. One takes the audio from its source and writes it to a replay buffer. One runs the
sessions (`reconnect`) and puts their messages into a queue. One, of the transport, takes from the buffer what
a session sends (`sender`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ...config import RecognitionConfig
from ...errors import AudioError, ConfigError, TargetError, WaitTimeout, check_choice
from ...transcript import Transcript
from ..clock import steady_clock
from ..transport.base import Streamer, Transport
from ..transport.messages import build_raw_format, build_streaming_options
from .audio_source import AudioSource, open_source
from .events import EventQueue, StreamEvent, make_event
from .reconnect import ReconnectingStream, StreamPlan
from .replay_buffer import ReplayBuffer, SendLog
from .sender import LATE, SessionLimits

CHUNK_SECONDS = {"real-time": 0.1, "fast": 0.5}
AHEAD_SECONDS = {True: 60.0, False: 2.0}
"""How far a source may be ahead of sending; a live source (True) must not wait while a session is opened."""


class StreamSession:
    """A running stream. Made by `Client.stream`; iterate over it, or `async for`, to get its events.

    Each event is given out once. Usable in a `with` statement, which closes it at the end.

    Args:
        streamer: opens the sessions.
        source: the audio.
        config: options of the recognition.
        pace: `"real-time"` or `"fast"`.
        limits: of each session.
        id: name of the recording.
    """

    def __init__(
        self,
        streamer: Streamer,
        source: AudioSource,
        config: RecognitionConfig,
        *,
        pace: str,
        limits: SessionLimits,
        id: str,
    ) -> None:
        self._source, self._config, self._pace, self._id = source, config, pace, id
        self._service = streamer.name
        rate, is_live = source.sample_rate, source.recording is None
        options = build_streaming_options(config, build_raw_format(rate, source.n_channels))
        streamer.check(options)
        config.check_labeling(id, source.n_channels, streams=True)
        self._plan = StreamPlan(id, options, limits, rate, is_live)
        self._check_length()
        clock = steady_clock()
        self._log = SendLog(rate, clock)
        self._buffer = ReplayBuffer(
            source.frame_size, round(AHEAD_SECONDS[is_live] * rate), tolerance=rate // 500
        )
        self._stream = ReconnectingStream(streamer, self._plan, self._buffer, self._log, clock)
        self._events = EventQueue()
        self._responses: list[bytes] = []
        self._received_at: list[float] = []
        self._sent_until: list[float] = []
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._reader, self._receiver = (
            threading.Thread(target=run, name=f"speechkit-nb {id}", daemon=True)
            for run in (self._read_source, self._receive)
        )
        self._reader.start()
        self._receiver.start()

    def __iter__(self) -> Iterator[StreamEvent]:
        while (event := self._events.get()) is not None:
            yield event
        if self._error is not None:
            raise self._error

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        while (event := await self._events.get_async()) is not None:
            yield event
        if self._error is not None:
            raise self._error

    @property
    def transcript(self) -> Transcript:
        """The messages so far; after the end of the stream, all of them."""
        n = len(self._responses)
        info = {"service": self._service, **self._config.to_dict()}
        return Transcript(
            self._responses[:n],
            self._id,
            self._source.recording,
            self._received_at[:n],
            info,
            self._sent_until[:n],
            self._log.pairs(),
        )

    def result(self, timeout: float | None = None) -> Transcript:
        """Wait for the end of the stream and return its transcript; events may be read before or after.

        Args:
            timeout: longest wait in seconds; None waits as long as necessary.

        Raises:
            WaitTimeout: if the stream has not ended by then; it continues.
            ServiceError: the same as iterating.
        """
        self._receiver.join(timeout)
        if self._receiver.is_alive():
            raise WaitTimeout(f"{self._id}: the stream has not ended after {timeout:g} s; it continues")
        if self._error is not None:
            raise self._error
        return self.transcript

    def sent_at(self, position: float) -> float | None:
        """When the audio up to `position` (seconds) was sent, since the epoch; None if it was not yet."""
        return self._log.sent_at(position)

    def end_of_utterance(self) -> None:
        """Mark the end of an utterance: the audio until now gets its final.

        Raises:
            ConfigError: if the stream was not opened with `external_eou=True`.
        """
        if not self._config.external_eou:
            raise ConfigError(
                "the service finds the ends of utterances in this stream; open it with external_eou=True to "
                "mark them yourself"
            )
        self._buffer.write_marker()

    def finish(self) -> None:
        """Take nothing more from the source; the audio that was sent is still recognized."""
        self._buffer.finish()

    def close(self) -> None:
        """End the stream at once, without waiting for the last messages. May be called again."""
        self._buffer.finish()
        self._stream.stop()
        for thread in (self._reader, self._receiver):  # a source that gives nothing cannot be interrupted
            if thread is not threading.current_thread():
                thread.join(1.0)

    def __enter__(self) -> StreamSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self._receiver.is_alive() else "ended"
        sent, n_events = self._log.sent_until, len(self._responses)
        return f"StreamSession({self._id!r}, {sent:.1f} s sent, {n_events} events, {state})"

    def _read_source(self) -> None:
        rate = self._source.sample_rate
        began, n_samples = time.monotonic(), 0
        try:
            for chunk in self._source.chunks(self._chunk_samples()):
                n_samples += len(chunk) // self._source.frame_size
                if self._pace == "real-time":  # wait until a microphone would have this chunk
                    self._buffer.wait_finished(began + n_samples / rate - time.monotonic())
                if self._buffer.is_finished:
                    break
                self._buffer.write(chunk)
        except Exception as error:
            self._source_error = error
        finally:
            self._buffer.finish()

    def _chunk_samples(self) -> int:
        """Length of a chunk in samples; a session holds at least 20 chunks."""
        rate, limits = self._source.sample_rate, self._plan.limits
        seconds = min(CHUNK_SECONDS[self._pace], limits.seconds / 20)
        return max(min(round(seconds * rate), limits.n_bytes // 20 // self._source.frame_size), 1)

    def _receive(self) -> None:
        try:
            for received in self._stream.messages():
                self._received_at.append(received.received_at)
                self._sent_until.append(received.sent_until)
                self._responses.append(received.message)
                self._events.put(make_event(*received))
            self._error = self._source_error
        except Exception as error:
            self._error = None if self._stream.is_stopped else error
        finally:
            self._buffer.finish()
            self._events.put(None)

    def _check_length(self) -> None:
        """Raise LimitError for a recording that must fit into one session and does not."""
        recording, limits = self._source.recording, self._plan.limits
        if recording is None or not self._plan.is_full_data:
            return
        n_bytes = recording.duration * self._source.sample_rate * self._source.frame_size
        if recording.duration > LATE * limits.seconds or n_bytes > LATE * limits.n_bytes:
            raise self._plan.make_length_error()


def open_stream(
    transport: Transport,
    source: Any,
    config: RecognitionConfig,
    *,
    pace: str | None,
    sample_rate: int | None,
    channel: int | None,
    id: str | None,
    limits: SessionLimits,
) -> StreamSession:
    """Check the options and start the stream; see `Client.stream`."""
    streamer = transport.streamer()
    if streamer is None:
        raise TargetError(
            f"{transport.name!r} is connected over REST, which has no streams; connect with "
            "transport='grpc', or submit the recording"
        )
    check_choice("pace", pace, (None, *CHUNK_SECONDS))
    audio = open_source(source, sample_rate, id=id, channel=channel)
    recording = audio.recording
    name = id or (recording.id if recording else "stream")
    if audio.n_channels > 1 and config.audio_processing_type != "full_data":
        raise AudioError(
            f"{name!r} has {audio.n_channels} channels, a live stream takes one: choose it with channel=0, "
            "or stream all with audio_processing_type='full_data'"
        )
    pace = pace or ("fast" if recording is None else "real-time")
    return StreamSession(streamer, audio, config, pace=pace, limits=limits, id=name)


StreamSession.__module__ = "speechkit_nb"  # it prints under the name that users import
