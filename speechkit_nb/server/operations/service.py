"""The calls for files and operations, the same for gRPC and REST. A call that fails raises `StatusError`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...wire import protobuf
from ..engines.base import EngineSpec
from ..recognition.options import (
    choose_engine,
    find_audio,
    open_recording,
    read_options,
)
from . import v2
from .runner import Runner
from .store import Store, Work, not_found
from .store_threads import StoreThreads

DESCRIPTION = "STT v3 async recognition"


class SpeechService:
    """`AsyncRecognizer` of v3, `LongRunningRecognize` of v2, and `OperationService`.

    Args:
        store: keeps operations.
        runner: works on them.
        models: model name -> its engines.
        bucket_root: folder of the files behind Object Storage links; None: there are none.
    """

    def __init__(
        self,
        store: StoreThreads,
        runner: Runner,
        models: Mapping[str, Sequence[EngineSpec]],
        bucket_root: Path | None,
    ) -> None:
        self._store, self._runner = store, runner
        self._models, self._bucket_root = models, bucket_root

    async def recognize_file(self, request: Any, client_request_id: str = "") -> Any:
        """Check a request and begin to work on it; return the new operation."""
        return await self._begin(request, client_request_id, DESCRIPTION)

    async def long_running_recognize(self, request: Any, client_request_id: str = "") -> Any:
        """The same for a request of v2."""
        translated = v2.request_to_v3(request)
        return await self._begin(translated, client_request_id, "", v2.ID_PREFIX)

    async def _begin(self, request: Any, client_request_id: str, description: str, *prefix: str) -> Any:
        self._runner.check_room()
        work = await asyncio.to_thread(self._check, request, client_request_id)
        # shielded: if the caller is gone by now, what has been stored is worked on nevertheless
        return await asyncio.shield(self._start(work, description, *prefix))

    def _check(self, request: Any, client_request_id: str) -> Work:
        """The work that a request asks for; its audio is moved there."""
        spec = choose_engine(request, self._models)
        read_options(request, spec)
        audio = find_audio(request, self._bucket_root)
        open_recording(request, audio)
        request.ClearField("content")
        return Work(client_request_id, str(spec), request.SerializeToString(), audio)

    async def _start(self, work: Work, *kind: str) -> Any:
        operation_id = await self._store.write(Store.create, work, *kind)
        self._runner.start(operation_id)
        return await self._store.read(Store.operation, operation_id)

    async def get_recognition(self, operation_id: str) -> AsyncIterator[bytes]:
        """The messages of a result; it can be fetched again as long as it is kept."""
        _check_v3(operation_id)
        for message in await self._store.read(Store.messages, operation_id):
            yield message

    async def delete_recognition(self, operation_id: str) -> Any:
        """Delete a result."""
        _check_v3(operation_id)
        await self._store.write(Store.delete, operation_id)
        return protobuf.Empty()

    async def get_operation(self, operation_id: str) -> Any:
        """The state of an operation; one of v2 that is done holds its response."""
        found = await self._store.read(Store.operation, operation_id)
        if found.done and not found.HasField("error") and operation_id.startswith(v2.ID_PREFIX):
            (found.response.value,) = await self._store.read(Store.messages, operation_id)
            found.response.type_url = v2.RESPONSE_TYPE
        return found

    async def cancel_operation(self, operation_id: str) -> Any:
        """Cancel an operation that runs."""
        await self._store.write(Store.cancel, operation_id)
        self._runner.stop(operation_id)
        return await SpeechService.get_operation(self, operation_id)


def _check_v3(operation_id: str) -> None:
    """Raise NOT_FOUND for an operation of v2: its result is in the operation and cannot be deleted."""
    if operation_id.startswith(v2.ID_PREFIX):
        raise not_found(operation_id)
