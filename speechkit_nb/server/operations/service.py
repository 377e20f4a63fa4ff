"""What the calls do, whatever transport they come by. A call that is refused raises `Refusal`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from ...wire import protobuf
from ..engines.base import EngineSpec
from ..recognition.options import find_audio, find_engine, open_recording, read_options, without_content
from ..testing.faults import Faults
from . import v2
from .runner import Runner
from .store import Store, Work, not_found, not_ready

DESCRIPTION = "STT v3 async recognition"


class SpeechService:
    """`AsyncRecognizer` of v3, the files of v2's `SttService`, and `OperationService`.

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
        return self._store.operation(await self._begin(request, client_request_id, DESCRIPTION))

    async def long_running_recognize(self, request: Any, client_request_id: str = "") -> Any:
        """The same for a request of v2."""
        await self._faults.before("LongRunningRecognize")
        asked = v2.request_to_v3(request)
        return self._store.operation(await self._begin(asked, client_request_id, "", v2.ID_PREFIX))

    async def _begin(self, request: Any, client_request_id: str, *kind: str) -> str:
        spec = find_engine(request, self._models)
        read_options(request, spec)
        audio = find_audio(request, self._bucket_root)
        await asyncio.to_thread(open_recording, request, audio)
        work = Work(client_request_id, str(spec), without_content(request), audio)
        operation_id = self._store.create(work, *kind)
        self._runner.start(operation_id)
        return operation_id

    async def get_recognition(self, operation_id: str) -> AsyncIterator[bytes]:
        """The messages of a result, as often as one likes while it is kept."""
        await self._faults.before("GetRecognition")
        _refuse_v2(operation_id)
        messages = self._store.messages(operation_id)
        if self._faults.hides_result(operation_id):
            raise not_ready(operation_id)
        async for message in self._faults.through("GetRecognition", messages):
            yield message

    async def delete_recognition(self, operation_id: str) -> Any:
        """Drops a result."""
        await self._faults.before("DeleteRecognition")
        _refuse_v2(operation_id)
        self._store.delete(operation_id)
        return protobuf.Empty()

    async def get_operation(self, operation_id: str) -> Any:
        """How far an operation is; one of v2 that is done holds its response."""
        await self._faults.before("Get")
        found = self._operation(operation_id)
        if self._faults.hides_end(operation_id):
            found.done = False
            found.ClearField("response")
            found.ClearField("error")
        return found

    async def cancel_operation(self, operation_id: str) -> Any:
        """Ends an operation that runs."""
        await self._faults.before("Cancel")
        self._store.cancel(operation_id)
        self._runner.stop(operation_id)
        return self._operation(operation_id)

    def _operation(self, operation_id: str) -> Any:
        found = self._store.operation(operation_id)
        if found.done and not found.HasField("error") and operation_id.startswith(v2.ID_PREFIX):
            (found.response.value,) = self._store.messages(operation_id)
            found.response.type_url = v2.RESPONSE_TYPE
        return found


def _refuse_v2(operation_id: str) -> None:
    """v2 has its answer in the operation, and no way to drop it."""
    if operation_id.startswith(v2.ID_PREFIX):
        raise not_found(operation_id)
