"""The user data that is sent with every call: credentials, folder, and whether audio may be logged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Credentials(Protocol):
    """The source of the authorization header."""

    def header(self) -> str:
        """The value of the header, renewed if it is about to expire."""

    def renew(self) -> bool:
        """Called once after the service has refused the header; returns whether there is a new one."""


@dataclass(frozen=True)
class Identity:
    """The user data that is sent with every call.

    Attributes:
        credentials: None if the service needs none.
        folder_id: only for accounts of people; a service account has its own folder.
        data_logging: allow the service to store the audio, so that its support can look at it.
    """

    credentials: Credentials | None = None
    folder_id: str | None = None
    data_logging: bool = False

    def metadata(self, request_id: str | None = None) -> list[tuple[str, str]]:
        """Names (lower case) and values, for gRPC metadata and HTTP headers."""
        pairs = {
            "authorization": self.credentials and self.credentials.header(),
            "x-folder-id": self.folder_id,
            "x-client-request-id": request_id,
            "x-data-logging-enabled": "true" if self.data_logging else None,
        }
        return [(name, value) for name, value in pairs.items() if value]

    def renew(self) -> bool:
        """Replace credentials that were refused; returns whether there are new ones."""
        return self.credentials is not None and self.credentials.renew()
