"""Session after session, as one stream of messages.

A session that is full ends at the end of an utterance, and one that breaks off is followed by another: each
begins where the text was last fixed, with the audio that the tape has kept since. What is heard twice is
given out once.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...errors import Exhausted, LimitError, NoAnswer, ServiceError, Unreachable
from ...wire import v3
from ..transport.base import StreamCall, Streamer
from .replay_buffer import SendLog, Tape
from .sender import Leg, SessionLimits
from .time_shift import Joiner

FIRST_ATTEMPTS, ATTEMPTS = 5, 8
"""Sessions in a row that may break off without a final, before anything has come and later."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the next session; doubled each time."""
PASSING = ("OUT_OF_RANGE", "DEADLINE_EXCEEDED")
CLOSED = v3.StatusCode(code_type="CLOSED").code_type


class Received(NamedTuple):
    """A message, the same parsed, when it came, and how much audio (seconds) had been sent by then."""

    message: bytes
    response: Any
    received_at: float
    sent_until: float


@dataclass(frozen=True)
class Plan:
    """What is the same in all sessions of a stream.

    Attributes:
        name: of the recording.
        options: `StreamingOptions`.
        limits: of each session.
        sample_rate: Hz.
        is_live: whether a source that gives nothing is silent, and not just slow.
    """

    name: str
    options: Any
    limits: SessionLimits
    sample_rate: int
    is_live: bool

    @property
    def is_whole(self) -> bool:
        """Whether the service answers at the end only."""
        mode = self.options.recognition_model.audio_processing_type
        return bool(mode == v3.RecognitionModelOptions.FULL_DATA)

    @property
    def has_marks(self) -> bool:
        """Whether the client says where utterances end."""
        return bool(self.options.eou_classifier.HasField("external_classifier"))

    def too_long(self) -> LimitError:
        """What a stream is told that cannot go on in another session."""
        return LimitError(
            f"{self.name!r} is longer than the {self.limits.seconds:g} s or {self.limits.n_bytes} bytes of a "
            "session, and with audio_processing_type='full_data' a stream is one session; use client.submit, "
            "or stream it live"
        )


class Relay:
    """Holds the sessions of one stream.

    Args:
        streamer: opens them.
        plan: what they have in common.
        tape: the audio.
        log: where it is noted what was sent when.
        clock: seconds since the epoch.
    """

    def __init__(
        self, streamer: Streamer, plan: Plan, tape: Tape, log: SendLog, clock: Callable[[], float]
    ) -> None:
        self._streamer, self._plan, self._tape, self._log, self._clock = streamer, plan, tape, log, clock
        self._joiner = Joiner()
        self._call: StreamCall | None = None
        self._stopped = threading.Event()
        self._has_heard = False

    def stop(self) -> None:
        """End the session that is running, and open no other."""
        self._stopped.set()
        if self._call is not None:
            self._call.cancel()

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.is_set()

    def messages(self) -> Iterator[Received]:
        """The messages of the stream.

        Raises:
            ServiceError: if no session can be had, or the service refuses what is asked for.
        """
        self._tape.read(0, None)  # a session begins with the first sound
        failed, renewed = 0, False
        while not self._tape.is_done and not self._stopped.is_set():
            n_finals = self._joiner.n_finals
            try:
                yield from self._session()
                failed, renewed = 0, False
            except ServiceError as error:
                if self._joiner.n_finals > n_finals:
                    failed, renewed = 0, False
                if error.code == "UNAUTHENTICATED" and not renewed and self._streamer.renew():
                    renewed = True
                    continue
                failed += 1
                if failed == (ATTEMPTS if self._has_heard else FIRST_ATTEMPTS) or not _may_pass(error):
                    raise
                pause = min(PAUSE * 2**failed, LONGEST_PAUSE)
                self._stopped.wait(pause if error.retry_after is None else error.retry_after)

    def _session(self) -> Iterator[Received]:
        """One session, from where the text is fixed."""
        plan = self._plan
        leg = Leg(self._tape, plan.options, plan.limits, self._log, plan.sample_rate, plan.is_live)
        n_finals, held = self._joiner.n_finals, list[Received]()
        self._joiner.begin(round(leg.start * 1000 / plan.sample_rate))
        self._call = call = self._streamer.stream(leg.requests(), str(uuid.uuid4()))
        try:
            if self._stopped.is_set():
                return
            for message in call:
                self._has_heard = True
                response = v3.StreamingResponse.FromString(message)
                received = Received(message, response, self._clock(), self._log.until)
                if self._stopped.is_set():
                    return
                if held or self._holds_back(leg, response):
                    held.append(received)
                elif leg.has_all or not _is_closing(response):
                    yield self._joined(leg, received)
                    if self._ends_with(leg, response):
                        return
        finally:
            leg.stop()
            call.cancel()
        yield from self._settled(leg, held, self._joiner.n_finals > n_finals)

    def _holds_back(self, leg: Leg, response: Any) -> bool:
        """Whether it is better to hear first what comes after a message."""
        is_forced = response.HasField("final") and leg.is_forced(self._position(response))
        return self._plan.is_whole or is_forced

    def _ends_with(self, leg: Leg, response: Any) -> bool:
        """Whether the session has lasted long enough, and this is a good place to end it."""
        return response.HasField("eou_update") and not leg.has_all and leg.is_late(self._tape.start)

    def _settled(self, leg: Leg, held: list[Received], has_finals: bool) -> Iterator[Received]:
        """The service has said all about a session: what was held back is given out, or heard again."""
        if not leg.has_all and not leg.is_full:
            message = f"{self._streamer.name} ended a session before all was sent"
            raise NoAnswer(message, code="UNAVAILABLE", details=message)
        if leg.is_full and self._plan.is_whole:
            raise self._plan.too_long()
        if leg.is_full and held and has_finals:
            return  # a final that was made by the end of the session: again from the last good one
        for received in held:
            if leg.has_all or not _is_closing(received.response):
                yield self._joined(leg, received)
        if leg.has_all:
            self._tape.clear()
        else:
            self._tape.drop(leg.end if held else leg.resume_at(self._tape.start))

    def _position(self, response: Any) -> int:
        """Up to where a final fixes the text, in samples of the stream."""
        return round(self._joiner.final_ms(response) * self._plan.sample_rate / 1000)

    def _joined(self, leg: Leg, received: Received) -> Received:
        """A message as one of the stream; the audio that it settles is forgotten."""
        if received.response.HasField("final"):
            position = min(self._position(received.response), leg.end)
            self._tape.drop(position, with_mark=self._plan.has_marks)
        message, response = self._joiner.join(received.message, received.response)
        return received._replace(message=message, response=response)


def _is_closing(response: Any) -> bool:
    return bool(response.HasField("status_code") and response.status_code.code_type == CLOSED)


def _may_pass(error: ServiceError) -> bool:
    """Whether another session may do better."""
    return isinstance(error, (Unreachable, NoAnswer, Exhausted)) or error.code in PASSING
