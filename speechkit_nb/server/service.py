"""What the calls do, whatever transport they come by. A call that is refused raises `Refusal`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ..wire.messages import protobuf
from .engines.base import EngineSpec
from .faults import Faults
from .operations import Store, Work, not_ready
from .requests import find_audio, find_engine, open_recording, read_options, without_content
from .runner import Runner

DESCRIPTION = "STT v3 async recognition"


class SpeechService:
    """`AsyncRecognizer` and `OperationService`.

    Args:
        store, runner: where operations are kept, and what works on them.
        models: engine of each model.
        bucket_root: where uris are resolved.
        faults: failures that were asked for.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        models: Mapping[str, EngineSpec],
        bucket_root: Path | None,
        faults: Faults,
    ) -> None:
        self._store, self._runner, self._faults = store, runner, faults
        self._models, self._bucket_root = models, bucket_root

    async def recognize_file(self, request: Any, client_request_id: str = "") -> Any:
        """Checks a request and begins to work on it; the new operation."""
        await self._faults.before("RecognizeFile")
        spec = find_engine(request, self._models)
        read_options(request, spec)
        audio = find_audio(request, self._bucket_root)
        await asyncio.to_thread(open_recording, request, audio)
        work = Work(client_request_id, str(spec), without_content(request), audio)
        operation_id = self._store.create(work, DESCRIPTION)
        self._runner.start(operation_id)
        return self._store.operation(operation_id)

    async def get_recognition(self, operation_id: str) -> AsyncIterator[bytes]:
        """The messages of a result, as often as one likes while it is kept."""
        await self._faults.before("GetRecognition")
        messages = self._store.messages(operation_id)
        if self._faults.hides_result(operation_id):
            raise not_ready(operation_id)
        async for message in self._faults.through("GetRecognition", messages):
            yield message

    async def delete_recognition(self, operation_id: str) -> Any:
        """Drops a result."""
        await self._faults.before("DeleteRecognition")
        self._store.delete(operation_id)
        return protobuf.Empty()

    async def get_operation(self, operation_id: str) -> Any:
        """How far an operation is."""
        await self._faults.before("Get")
        return self._store.operation(operation_id)

    async def cancel_operation(self, operation_id: str) -> Any:
        """Ends an operation that runs."""
        await self._faults.before("Cancel")
        self._store.cancel(operation_id)
        self._runner.stop(operation_id)
        return self._store.operation(operation_id)
