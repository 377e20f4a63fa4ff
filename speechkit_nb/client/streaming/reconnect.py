"""Session after session of the service, as one stream of messages.

The service limits the length of a session. When a session is nearly full it ends at the end of an utterance,
and another one follows; so does one after a session that broke off. Each begins at the end of the last final,
with the audio that the replay buffer has kept since. Audio that is recognized twice is reported once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import Exhausted, LimitError, NoAnswer, ServiceError, SpeechkitError, Unreachable
from ...wire import v3
from ..transport.base import Message, StreamCall, Streamer
from ..transport.retry import make_no_answer
from .replay_buffer import ReplayBuffer, SendLog
from .sender import SessionLimits, SessionSender
from .time_shift import TimelineShifter

FIRST_ATTEMPTS, ATTEMPTS = 5, 8
"""Consecutive sessions that may break off without a final: before the first message, and later."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the next session; doubled each time."""
TEMPORARY = ("OUT_OF_RANGE", "DEADLINE_EXCEEDED")
"""Codes of a session that was too long; the next one may succeed."""
CLOSED = v3.StatusCode(code_type="CLOSED").code_type


class Received(NamedTuple):
    """A message, the same parsed, its arrival time, and how much audio (seconds) had been sent by then."""

    message: bytes
    response: Message
    received_at: float
    sent_until: float


@dataclass(frozen=True)
class StreamPlan:
    """The settings that all sessions of a stream share.

    Attributes:
        name: of the recording.
        options: `StreamingOptions`.
        limits: of each session.
        sample_rate: Hz.
        is_live: whether a source that gives nothing counts as silent.
    """

    name: str
    options: Message
    limits: SessionLimits
    sample_rate: int
    is_live: bool

    @property
    def is_full_data(self) -> bool:
        """Whether the service sends its messages only after all audio."""
        mode = self.options.recognition_model.audio_processing_type
        return bool(mode == v3.RecognitionModelOptions.FULL_DATA)

    @property
    def has_markers(self) -> bool:
        """Whether the client marks the ends of utterances."""
        return bool(self.options.eou_classifier.HasField("external_classifier"))

    def make_length_error(self) -> LimitError:
        """The error of a stream that is too long and cannot continue in another session."""
        return LimitError(
            f"{self.name!r} is longer than the {self.limits.seconds:g} s or {self.limits.n_bytes} bytes of a "
            "session, and with audio_processing_type='full_data' a stream is one session; use client.submit, "
            "or stream it live"
        )


class SilenceWatch:
    """Cancels a session if nothing comes for so many seconds after all its audio was sent.

    Args:
        seconds: the longest silence.
        cancel: ends the session.

    Attributes:
        is_over: whether it was cancelled for that.
    """

    def __init__(self, seconds: float, cancel: Callable[[], object]) -> None:
        self._seconds, self._cancel = seconds, cancel
        self._stopped = threading.Event()
        self._deadline = 0.0
        self.is_over = False

    def start(self) -> None:
        """Watch from now on."""
        self.restart()
        threading.Thread(target=self._run, name="speechkit_nb silence", daemon=True).start()

    def restart(self) -> None:
        """Something has come."""
        self._deadline = time.monotonic() + self._seconds

    def stop(self) -> None:
        """The session has ended."""
        self._stopped.set()

    def _run(self) -> None:
        while (left := self._deadline - time.monotonic()) > 0:
            if self._stopped.wait(left):
                return
        self.is_over = True
        self._cancel()


class ReconnectingStream:
    """Runs the sessions of one stream.

    Args:
        streamer: opens them.
        plan: the settings they share.
        buffer: the audio.
        log: records what was sent when.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        streamer: Streamer,
        plan: StreamPlan,
        buffer: ReplayBuffer,
        log: SendLog,
        clock: Callable[[], float],
    ) -> None:
        self._streamer, self._plan, self._buffer, self._log = streamer, plan, buffer, log
        self._clock = clock
        self._shifter = TimelineShifter()
        self._call: StreamCall | None = None
        self._stopped = threading.Event()
        self._has_received = False

    def stop(self) -> None:
        """End the running session, and open no other."""
        self._stopped.set()
        self._cancel()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    def messages(self) -> Iterator[Received]:
        """The messages of the stream.

        Raises:
            ServiceError: if no session can be opened, or the service refuses a request.
        """
        self._buffer.read(0, None)  # do not open a session before there is audio
        n_failed, renewed = 0, False
        while not self._buffer.is_exhausted and not self._stopped.is_set():
            n_finals = self._shifter.n_finals
            try:
                yield from self._run_session()
                n_failed, renewed = 0, False
            except ServiceError as error:
                if self._shifter.n_finals > n_finals:
                    n_failed, renewed = 0, False
                if error.code == "UNAUTHENTICATED" and not renewed and self._streamer.renew():
                    renewed = True
                    continue
                n_failed += 1
                n_allowed = ATTEMPTS if self._has_received else FIRST_ATTEMPTS
                if error.code == "DEADLINE_EXCEEDED" and not self._has_received:
                    n_allowed = 1  # it takes audio, and never says anything
                if n_failed == n_allowed or not _is_temporary(error):
                    raise
                self._stopped.wait(min(PAUSE * 2**n_failed, LONGEST_PAUSE))

    def _cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()

    def _run_session(self) -> Iterator[Received]:
        """The messages of one session, which begins at the end of the last final."""
        plan = self._plan
        watch = SilenceWatch(plan.limits.patience, self._cancel)
        sender = SessionSender(
            self._buffer,
            plan.options,
            plan.limits,
            self._log,
            plan.sample_rate,
            plan.is_live,
            on_end=watch.start,
        )
        n_finals, held = self._shifter.n_finals, list[Received]()
        self._shifter.start_session(round(sender.start * 1000 / plan.sample_rate))
        self._call = call = self._streamer.stream(
            sender.requests(), str(uuid.uuid4()), plan.limits.seconds + plan.limits.patience
        )
        try:
            if self._stopped.is_set():
                return
            for message, response in self._parse(call):
                watch.restart()
                self._has_received = True
                received = Received(message, response, self._clock(), self._log.sent_until)
                if self._stopped.is_set():
                    return
                if held or self._must_hold(sender, response):
                    held.append(received)
                elif sender.has_sent_all or not _is_closing(response):
                    yield self._shift(sender, received)
                    if self._ends_session(sender, response):
                        return
        except ServiceError:
            if not watch.is_over:
                raise
            reason = f"nothing came for {plan.limits.patience:g} s after all audio was sent"
            raise make_no_answer(self._streamer.name, reason, "DEADLINE_EXCEEDED") from None
        finally:
            watch.stop()
            sender.stop()
            call.cancel()
        yield from self._finish_session(sender, held, self._shifter.n_finals > n_finals)

    def _parse(self, call: StreamCall) -> Iterator[tuple[bytes, Message]]:
        """Each message of a session, as it came and parsed."""
        try:
            for message in call:
                yield message, v3.StreamingResponse.FromString(message)
        except SpeechkitError:
            raise
        except Exception as error:  # protobuf's DecodeError has a class for each implementation
            raise ServiceError(
                f"{self._streamer.name} sent a message that cannot be read ({error})",
                code="INTERNAL",
                details=str(error),
            ) from None

    def _must_hold(self, sender: SessionSender, response: Message) -> bool:
        """Whether a message is held back until the end of the session.

        A final that the end of the audio caused may cut a word in two: the next session does it better. With
        full data, a session that breaks off is repeated from its beginning.
        """
        is_cut_off = response.HasField("final") and sender.is_cut_off(self._final_position(response))
        return self._plan.is_full_data or is_cut_off

    def _ends_session(self, sender: SessionSender, response: Message) -> bool:
        """Whether the session is long enough to end after this message."""
        is_end = response.HasField("eou_update") and not sender.has_sent_all
        return is_end and sender.ends_after(self._buffer.start)

    def _finish_session(
        self, sender: SessionSender, held: list[Received], has_finals: bool
    ) -> Iterator[Received]:
        """The messages that were held back, unless their audio is sent again; all messages have come."""
        if not sender.has_sent_all and not sender.is_full:
            message = f"{self._streamer.name} ended a session before all audio was sent"
            raise NoAnswer(message, code="UNAVAILABLE", details=message)
        if sender.is_full and self._plan.is_full_data:
            raise self._plan.make_length_error()
        if sender.is_full and held and has_finals:
            return  # the last final was cut off: its audio is sent again, from the final before it
        for received in held:
            if sender.has_sent_all or not _is_closing(received.response):
                yield self._shift(sender, received)
        if sender.has_sent_all:
            self._buffer.clear()
        else:
            self._buffer.drop(sender.end if held else sender.resume_position(self._buffer.start))

    def _final_position(self, response: Message) -> int:
        """The end of a final, in samples of the stream."""
        return round(self._shifter.final_end_ms(response) * self._plan.sample_rate / 1000)

    def _shift(self, sender: SessionSender, received: Received) -> Received:
        """A message as one of the stream; the audio of a final is dropped from the buffer."""
        if received.response.HasField("final"):
            position = min(self._final_position(received.response), sender.end)
            self._buffer.drop(position, with_marker=self._plan.has_markers)
        message, response = self._shifter.shift(received.message, received.response)
        return received._replace(message=message, response=response)


def _is_closing(response: Message) -> bool:
    return bool(response.HasField("status_code") and response.status_code.code_type == CLOSED)


def _is_temporary(error: ServiceError) -> bool:
    """Whether another session may succeed."""
    return isinstance(error, (Unreachable, NoAnswer, Exhausted)) or error.code in TEMPORARY
