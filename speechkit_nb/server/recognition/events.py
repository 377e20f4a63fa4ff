"""Writes the messages of an answer: `StreamingResponse` bytes.

The order within an utterance is final, refinement, end of utterance.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...wire import v3
from ..engines.base import LanguageEstimate, Word
from .classifiers import classify
from .refinement import Refinement


@dataclass(frozen=True)
class Final:
    """One finished utterance of one channel. Bounds and words are in milliseconds.

    `start_ms` is where the previous final of the channel ends, not where the first word starts.
    """

    channel: int
    words: tuple[Word, ...]
    start_ms: int
    end_ms: int
    languages: tuple[LanguageEstimate, ...] = ()

    @property
    def text(self) -> str:
        """The words, joined."""
        return " ".join(word.text for word in self.words)


class EventWriter:
    """Writes the messages of one recognition; counts finals and keeps the cursors.

    Args:
        user_request_id: the caller's name for the request, or the id of the operation.
        received_ms: how much audio has been received; `receive` updates it.
        detects_language: whether each alternative gets the estimates of its language.
        classifiers: those of the request; what they find follows the event that they wait for.
        clock: returns seconds, for the time since the session began.
    """

    def __init__(
        self,
        user_request_id: str,
        received_ms: int,
        detects_language: bool = False,
        classifiers: Sequence[Any] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = v3.SessionUuid(uuid=str(uuid.uuid4()), user_request_id=user_request_id)
        self._cursors = v3.AudioCursors(received_data_ms=received_ms)
        self._n_finals = 0
        self._detects_language = detects_language
        self._classifiers = classifiers
        self._clock = clock
        self._started = clock()

    @property
    def user_request_id(self) -> str:
        """The caller's name for the request."""
        return str(self._session.user_request_id)

    def adopt(self, message: bytes) -> bytes:
        """Change a message of another writer into one of this session."""
        response = v3.StreamingResponse.FromString(message)
        response.session_uuid.CopyFrom(self._session)
        self._cursors.CopyFrom(response.audio_cursors)
        response.response_wall_time_ms = self._wall_time_ms()
        return bytes(response.SerializeToString())

    def utterance(self, final: Final, refinement: Refinement) -> list[bytes]:
        """The messages of an utterance: final, refinement, end of utterance."""
        return [*self.final(final), self.refinement(final, refinement), *self.eou(final)]

    def receive(self, received_ms: int) -> None:
        """Update how much audio has been received."""
        self._cursors.received_data_ms = received_ms

    @property
    def final_ms(self) -> int:
        """The end of the last final."""
        return int(self._cursors.final_time_ms)

    def partial(
        self,
        channel: int,
        words: tuple[Word, ...],
        processed_ms: int,
        languages: tuple[LanguageEstimate, ...] = (),
    ) -> list[bytes]:
        """What was recognized since the last final, up to `processed_ms`; it may still change."""
        self._cursors.partial_time_ms = processed_ms
        guess = Final(channel, words, self.final_ms, processed_ms, languages)
        message = self._write(channel, partial=self._make_update(guess, guess.text))
        return [message, *self._classify(guess, v3.RecognitionClassifier.ON_PARTIAL)]

    def status(self, code: str, message: str = "") -> bytes:
        """A status message: WORKING, WARNING or CLOSED. It belongs to no channel."""
        return self._write(None, status_code=v3.StatusCode(code_type=code, message=message))

    def final(self, final: Final) -> list[bytes]:
        """The text of an utterance; it has the next index."""
        self._cursors.final_index, self._n_finals = self._n_finals, self._n_finals + 1
        self._cursors.final_time_ms = final.end_ms
        self._cursors.partial_time_ms = max(final.end_ms, self._cursors.partial_time_ms)
        message = self._write(final.channel, final=self._make_update(final, final.text))
        return [message, *self._classify(final, v3.RecognitionClassifier.ON_FINAL)]

    def refinement(self, final: Final, refinement: Refinement) -> bytes:
        """The refinement of the utterance; it belongs to the latest final."""
        update = self._make_update(replace(final, words=refinement.words), refinement.text)
        message = v3.FinalRefinement(final_index=self._cursors.final_index, normalized_text=update)
        return self._write(final.channel, final_refinement=message)

    def eou(self, final: Final) -> list[bytes]:
        """The end of the utterance."""
        self._cursors.eou_time_ms = final.end_ms
        message = self._write(final.channel, eou_update=v3.EouUpdate(time_ms=final.end_ms))
        return [message, *self._classify(final, v3.RecognitionClassifier.ON_UTTERANCE)]

    def analysis(self, channel: int | None, event: Mapping[str, Any]) -> bytes:
        """An analysis of one channel, or of all."""
        return self._write(channel, **event)

    def _classify(self, final: Final, trigger: int) -> list[bytes]:
        found = classify(self._classifiers, trigger, final.words, final.start_ms, final.end_ms)
        return [self._write(final.channel, classifier_update=update) for update in found]

    def _make_update(self, final: Final, text: str) -> Any:
        alternative = v3.Alternative(
            words=[v3.Word(text=w.text, start_time_ms=w.start_ms, end_time_ms=w.end_ms) for w in final.words],
            text=text,
            start_time_ms=final.start_ms,
            end_time_ms=final.end_ms,
        )
        if self._detects_language:
            for code, probability in final.languages:
                alternative.languages.add(language_code=code, probability=probability)
        return v3.AlternativeUpdate(alternatives=[alternative], channel_tag=str(final.channel))

    def _write(self, channel: int | None, **event: Any) -> bytes:
        response = v3.StreamingResponse(
            session_uuid=self._session,
            audio_cursors=self._cursors,
            response_wall_time_ms=self._wall_time_ms(),
            channel_tag="" if channel is None else str(channel),
            **event,
        )
        return bytes(response.SerializeToString())

    def _wall_time_ms(self) -> int:
        return round((self._clock() - self._started) * 1000)


def interleave(channels: Sequence[Sequence[Final]]) -> list[Final]:
    """The finals of all channels in the order in which they end."""
    return sorted(
        (final for finals in channels for final in finals),
        key=lambda f: (f.end_ms, f.words[-1].end_ms, f.channel),
    )
