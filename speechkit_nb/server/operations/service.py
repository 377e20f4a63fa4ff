"""The calls for files and operations, the same for gRPC and REST. A call that fails raises `StatusError`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ...wire import protobuf
from ..engines.base import EngineSpec
from ..recognition.options import (
    find_audio,
    find_engine,
    open_recording,
    read_options,
    serialize_without_content,
)
from . import v2
from .runner import Runner
from .store import Store, Work, not_found

DESCRIPTION = "STT v3 async recognition"


class SpeechService:
    """`AsyncRecognizer` of v3, `LongRunningRecognize` of v2, and `OperationService`.

    Args:
        store: keeps operations.
        runner: works on them.
        models: model name -> engine.
        bucket_root: folder of the files behind Object Storage links; None: there are none.
    """

    def __init__(
        self,
        store: Store,
        runner: Runner,
        models: Mapping[str, EngineSpec],
        bucket_root: Path | None,
    ) -> None:
        self._store, self._runner = store, runner
        self._models, self._bucket_root = models, bucket_root

    async def recognize_file(self, request: Any, client_request_id: str = "") -> Any:
        """Check a request and begin to work on it; return the new operation."""
        return self._store.operation(await self._begin(request, client_request_id, DESCRIPTION))

    async def long_running_recognize(self, request: Any, client_request_id: str = "") -> Any:
        """The same for a request of v2."""
        translated = v2.request_to_v3(request)
        return self._store.operation(await self._begin(translated, client_request_id, "", v2.ID_PREFIX))

    async def _begin(self, request: Any, client_request_id: str, *kind: str) -> str:
        spec = find_engine(request, self._models)
        read_options(request, spec)
        audio = find_audio(request, self._bucket_root)
        await asyncio.to_thread(open_recording, request, audio)
        work = Work(client_request_id, str(spec), serialize_without_content(request), audio)
        operation_id = self._store.create(work, *kind)
        self._runner.start(operation_id)
        return operation_id

    async def get_recognition(self, operation_id: str) -> AsyncIterator[bytes]:
        """The messages of a result; it can be fetched again as long as it is kept."""
        _check_v3(operation_id)
        for message in self._store.messages(operation_id):
            yield message

    async def delete_recognition(self, operation_id: str) -> Any:
        """Delete a result."""
        _check_v3(operation_id)
        self._store.delete(operation_id)
        return protobuf.Empty()

    async def get_operation(self, operation_id: str) -> Any:
        """The state of an operation; one of v2 that is done holds its response."""
        return self._operation(operation_id)

    async def cancel_operation(self, operation_id: str) -> Any:
        """Cancel an operation that runs."""
        self._store.cancel(operation_id)
        self._runner.stop(operation_id)
        return self._operation(operation_id)

    def _operation(self, operation_id: str) -> Any:
        found = self._store.operation(operation_id)
        if found.done and not found.HasField("error") and operation_id.startswith(v2.ID_PREFIX):
            (found.response.value,) = self._store.messages(operation_id)
            found.response.type_url = v2.RESPONSE_TYPE
        return found


def _check_v3(operation_id: str) -> None:
    """Raise NOT_FOUND for an operation of v2: its result is in the operation and cannot be deleted."""
    if operation_id.startswith(v2.ID_PREFIX):
        raise not_found(operation_id)
