"""Who may call: a key of the server's service account, or a token it gave out."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

from ..status import Code, Refusal, unauthenticated
from ..testing.iam import Issuer

FOLDER_ID = "b1glocal000000000000"
"""The folder in which the server's service account lives."""

FORMS = "'Api-Key KEY' or 'Bearer TOKEN'"


class Gate:
    """Checks the credentials of calls, if the server was given any.

    Args:
        keys: API keys that open.
        issuer: whose tokens open, too.
    """

    def __init__(self, keys: Iterable[str], issuer: Issuer) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._issuer = issuer
        self.closed = bool(self._keys) or issuer.active

    def check(self, headers: Mapping[str, str], folder_id: str = "") -> None:
        """Lets a call pass.

        Args:
            headers: HTTP headers or gRPC metadata, names in lower case.
            folder_id: the folder the request names; by default that of the header x-folder-id.

        Raises:
            Refusal: UNAUTHENTICATED without good credentials, PERMISSION_DENIED if a service account
                names a folder that is not its own.
        """
        if not self.closed:
            return
        is_service_account = self._authenticate(headers.get("authorization", ""))
        folder_id = folder_id or headers.get("x-folder-id", "")
        if is_service_account and folder_id not in ("", FOLDER_ID):
            raise Refusal(
                Code.PERMISSION_DENIED,
                f"the service account lives in the folder {FOLDER_ID}, and the request names a different "
                f"folder, {folder_id!r}; leave the folder out",
            )

    def _authenticate(self, authorization: str) -> bool:
        """Whether the caller is a service account; a user is the other kind."""
        scheme, _, secret = authorization.strip().partition(" ")
        match scheme.lower(), secret.strip():
            case "api-key", key if key:
                if not any(hmac.compare_digest(key.encode(), known) for known in self._keys):
                    raise unauthenticated("the API key is unknown")
                return True
            case "bearer", token if token:
                return self._issuer.is_service_account(token)
            case "", _:
                raise unauthenticated(f"no credentials: there is no header Authorization: {FORMS}")
            case _:
                raise unauthenticated(f"the header Authorization must be {FORMS}")
