"""A stream: sound that is recognized while it comes in.

One thread takes the sound from its source and writes it on a tape. Another one holds the sessions (`relay`)
and puts their messages where the user finds them; what a session sends is taken from the tape by a thread of
the transport (`legs`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from ...config import RecognitionConfig
from ...errors import AudioError, ConfigError, TargetError, WaitTimeout
from ...transcript import Transcript
from ..clock import steady_clock
from ..transport import messages as requests
from ..transport.base import Streamer, Transport
from .audio_source import Source, open_source
from .event_queue import Mailbox, Over
from .events import StreamEvent, event_of
from .reconnect import Plan, Relay
from .replay_buffer import SendLog, Tape
from .sender import LATE, SessionLimits

PIECE_SECONDS = {"real-time": 0.1, "fast": 0.5}
AHEAD_SECONDS = {True: 60.0, False: 2.0}
"""How far a source may be ahead of what is sent; a live one is not kept waiting while a session is opened."""


class StreamSession:
    """A running stream. Made by `Client.stream`; iterate over it, or `async for`, to get its events.

    Each event is given out once. Usable in a `with` statement, at the end of which it is closed.

    Args:
        streamer: the way to the service.
        source: the sound.
        config: what to ask for.
        pace: `"real-time"` or `"fast"`.
        limits: of each session.
        id: name of the recording.
    """

    def __init__(
        self,
        streamer: Streamer,
        source: Source,
        config: RecognitionConfig,
        *,
        pace: str,
        limits: SessionLimits,
        id: str,
    ) -> None:
        self._source, self._config, self._pace, self._id = source, config, pace, id
        self._service = streamer.name
        rate, is_live = source.sample_rate, source.recording is None
        options = requests.build_streaming_options(config, requests.build_raw_format(rate, source.n_channels))
        streamer.check(options)
        self._plan = Plan(id, options, limits, rate, is_live)
        self._check_length()
        clock = steady_clock()
        self._log = SendLog(rate, clock)
        self._tape = Tape(source.frame, round(AHEAD_SECONDS[is_live] * rate), slack=rate // 500)
        self._relay = Relay(streamer, self._plan, self._tape, self._log, clock)
        self._mail: Mailbox[StreamEvent] = Mailbox()
        self._responses: list[bytes] = []
        self._received_at: list[float] = []
        self._sent_until: list[float] = []
        self._error: Exception | None = None
        self._source_error: Exception | None = None
        self._intake, self._receiver = (
            threading.Thread(target=work, name=f"speechkit-nb {id}", daemon=True)
            for work in (self._take_in, self._receive)
        )
        self._intake.start()
        self._receiver.start()

    def __iter__(self) -> Iterator[StreamEvent]:
        while True:
            try:
                yield self._mail.get()
            except Over:
                return

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        while True:
            try:
                yield await self._mail.aget()
            except Over:
                return

    @property
    def transcript(self) -> Transcript:
        """What has come so far; of a stream that is over, all of it."""
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
        """Wait until the stream is over and return its transcript; events may be read before or after.

        Args:
            timeout: seconds to wait at most; None waits as long as it takes.

        Raises:
            WaitTimeout: if it is not over by then; it goes on.
            ServiceError: as iterating does.
        """
        self._receiver.join(timeout)
        if self._receiver.is_alive():
            raise WaitTimeout(f"{self._id}: the stream is not over after {timeout:g} s; it goes on")
        if self._error is not None:
            raise self._error
        return self.transcript

    def sent_at(self, position: float) -> float | None:
        """When the audio up to `position` (seconds) was sent, since the epoch; None if it was not yet."""
        return self._log.sent_at(position)

    def end_of_utterance(self) -> None:
        """Say that an utterance ends here: what was sent until now gets its final.

        Raises:
            ConfigError: if the stream was not opened with `external_eou=True`.
        """
        if not self._config.external_eou:
            raise ConfigError(
                "the service finds the ends of utterances in this stream; open it with external_eou=True to "
                "say them yourself"
            )
        self._tape.write_mark()

    def finish(self) -> None:
        """Take nothing more from the source; what was sent is still answered."""
        self._tape.finish()

    def close(self) -> None:
        """End it at once, answered or not. May be called again."""
        self._tape.finish()
        self._relay.stop()
        for thread in (self._intake, self._receiver):  # a source that gives nothing cannot be interrupted
            if thread is not threading.current_thread():
                thread.join(1.0)

    def __enter__(self) -> StreamSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "runs" if self._receiver.is_alive() else "over"
        sent, n_events = self._log.until, len(self._responses)
        return f"StreamSession({self._id!r}, {sent:.1f} s sent, {n_events} events, {state})"

    def _take_in(self) -> None:
        rate = self._source.sample_rate
        began, n_samples = time.monotonic(), 0
        try:
            for piece in self._source.pieces(self._piece_samples()):
                n_samples += len(piece) // self._source.frame
                if self._pace == "real-time":  # when a microphone would have it
                    self._tape.wait_over(began + n_samples / rate - time.monotonic())
                if self._tape.is_over:
                    break
                self._tape.write(piece)
        except Exception as error:
            self._source_error = error
        finally:
            self._tape.finish()

    def _piece_samples(self) -> int:
        """Of a piece: small enough that a session has many."""
        rate, limits = self._source.sample_rate, self._plan.limits
        seconds = min(PIECE_SECONDS[self._pace], limits.seconds / 20)
        return max(min(round(seconds * rate), limits.n_bytes // 20 // self._source.frame), 1)

    def _receive(self) -> None:
        try:
            for each in self._relay.messages():
                self._received_at.append(each.received_at)
                self._sent_until.append(each.sent_until)
                self._responses.append(each.message)
                self._mail.put(event_of(*each))
            self._error = self._source_error
        except Exception as error:
            self._error = None if self._relay.is_stopped else error
        finally:
            self._tape.finish()
            self._mail.close(self._error)

    def _check_length(self) -> None:
        """A recording that is answered at the end has to fit into one session."""
        recording, limits = self._source.recording, self._plan.limits
        if recording is None or not self._plan.is_whole:
            return
        n_bytes = recording.duration * self._source.sample_rate * self._source.frame
        if recording.duration > LATE * limits.seconds or n_bytes > LATE * limits.n_bytes:
            raise self._plan.too_long()


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
    """Check what is asked for, and begin to stream; see `Client.stream`."""
    streamer = transport.streamer()
    if streamer is None:
        raise TargetError(
            f"{transport.name!r} is spoken to over REST, which has no streams; connect with "
            "transport='grpc', or submit the recording"
        )
    if pace not in (None, *PIECE_SECONDS):
        raise ConfigError(f"pace={pace!r}, but it is {' or '.join(map(repr, PIECE_SECONDS))}")
    sound = open_source(source, sample_rate, id=id, channel=channel)
    recording = sound.recording
    name = id or (recording.id if recording else "stream")
    if sound.n_channels > 1 and config.audio_processing_type != "full_data":
        raise AudioError(
            f"{name!r} has {sound.n_channels} channels, a live stream takes one: pick it with channel=0, or "
            "stream all with audio_processing_type='full_data'"
        )
    pace = pace or ("fast" if recording is None else "real-time")
    return StreamSession(streamer, sound, config, pace=pace, limits=limits, id=name)
