"""Who may call: a key of the server's service account, or a token that the server issued."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping

from ..status import Code, StatusError, unauthenticated

FOLDER_ID = "b1glocal000000000000"
"""The folder of the server's service account."""

FORMS = "'Api-Key KEY' or 'Bearer TOKEN'"


class Authenticator:
    """Checks the credentials of calls, if the server has any.

    Args:
        keys: API keys that are accepted.
        check_token: returns whether a token belongs to a service account, and raises StatusError for a token
            that is not accepted. None: the server issues no tokens.
        tokens: tokens of the service account that are accepted besides.
    """

    def __init__(
        self,
        keys: Iterable[str],
        check_token: Callable[[str], bool] | None = None,
        tokens: Iterable[str] = (),
    ) -> None:
        self._keys = tuple(key.encode() for key in keys)
        self._tokens = tuple(token.encode() for token in tokens)
        self._check_token = check_token
        self.is_required = bool(self._keys or self._tokens) or check_token is not None

    def check(self, headers: Mapping[str, str], folder_id: str = "") -> None:
        """Raise an error unless the call may be answered.

        Args:
            headers: HTTP headers or gRPC metadata, names in lower case.
            folder_id: the folder that the request names; default: that of the header x-folder-id.

        Raises:
            StatusError: UNAUTHENTICATED without valid credentials, PERMISSION_DENIED if a service account
                names a folder that is not its own.
        """
        if not self.is_required:
            return
        is_service_account = self._authenticate(headers.get("authorization", ""))
        folder_id = folder_id or headers.get("x-folder-id", "")
        if is_service_account and folder_id not in ("", FOLDER_ID):
            raise StatusError(
                Code.PERMISSION_DENIED,
                f"the service account belongs to the folder {FOLDER_ID}, and the request names a different "
                f"folder, {folder_id!r}; leave the folder out",
            )

    def _authenticate(self, authorization: str) -> bool:
        """Whether the caller is a service account; otherwise it is a user."""
        scheme, _, secret = authorization.strip().partition(" ")
        match scheme.lower(), secret.strip():
            case "api-key", key if key:
                if not _is_among(key, self._keys):
                    raise unauthenticated("the API key is unknown")
                return True
            case "bearer", token if token:
                if _is_among(token, self._tokens):
                    return True
                if self._check_token is None:
                    raise unauthenticated("the token is invalid")
                return self._check_token(token)
            case "", _:
                raise unauthenticated(f"no credentials: there is no header Authorization: {FORMS}")
            case _:
                raise unauthenticated(f"the header Authorization must be {FORMS}")


def _is_among(secret: str, known: tuple[bytes, ...]) -> bool:
    # compare_digest takes equally long for all secrets, so its time does not tell how much is right
    return any(hmac.compare_digest(secret.encode(), each) for each in known)
