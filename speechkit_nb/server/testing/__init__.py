"""What only tests and demonstrations switch on: failures on demand, and an IAM endpoint.

`app` imports this package by name if the settings switch one of the two on, and never otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..api.auth import Authenticator
from ..app import Builder
from ..operations.runner import Runner
from ..operations.service import SpeechService
from ..operations.store_threads import StoreThreads
from ..recognition.streaming import StreamService
from ..settings import ServerSettings
from ..workers.pool import Pool
from .faults import Faults, FaultySpeechService, FaultyStreamService, IdleRunner
from .iam import Issuer

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["TestingBuilder"]


class TestingBuilder(Builder):
    """Makes the parts of a server that fails on demand and may issue tokens."""

    def __init__(self, settings: ServerSettings) -> None:
        super().__init__(settings)
        self._faults = Faults(settings.faults)
        self._issuer = Issuer(
            settings.iam_public_key,
            settings.oauth_token,
            for_everybody=settings.iam and settings.gives_tokens_to_everybody,
            for_machine=settings.vm_metadata,
            seconds=settings.token_seconds,
        )

    def check_token(self) -> Callable[[str], bool] | None:
        """Check tokens of the IAM endpoint, if it is switched on."""
        return self._issuer.is_service_account if self._issuer.is_active else None

    def runner(self, store: StoreThreads, pool: Pool) -> Runner:
        """A runner; with the fault `never-done` one that does not work."""
        kind = IdleRunner if self._faults.never_done else Runner
        return kind(store, pool, self.settings.lease_seconds / 5)

    def service(self, store: StoreThreads, runner: Runner) -> SpeechService:
        """What answers calls about files and operations, with faults."""
        service = FaultySpeechService(store, runner, self.models, self.settings.bucket_root)
        service.faults = self._faults
        return service

    def streams(self, pool: Pool) -> StreamService:
        """What answers streaming sessions, with faults."""
        streams = FaultyStreamService(pool, self.models, self.settings.streams)
        streams.faults = self._faults
        return streams

    def rest(self, service: SpeechService, authenticator: Authenticator) -> ASGIApp:
        """The REST API, with faults and the IAM endpoint."""
        from .rest import TestingRestApi

        return TestingRestApi(service, authenticator, self._faults, self._issuer).app()
