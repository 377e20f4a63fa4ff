"""One HTTP call, whose failures become the errors of the toolkit."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from ... import errors
from ...wire import error_of
from .base import make_closed_error
from .endpoints import ServiceUrl
from .retry import find_request_id, make_service_error, redact

CONNECT_DEADLINE = 10.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
GATEWAY = (502, 503, 504)


def open_client(url: ServiceUrl, ca: bytes | None = None) -> httpx.Client:
    """An HTTP client for the host of `url`.

    It follows no redirects, since credentials would be sent along. The proxy of the user is used, but not
    for this machine.

    Args:
        ca: certificates of the authorities to trust in place of the usual ones.
    """
    context = ssl.create_default_context(cadata=ca.decode("ascii", "ignore")) if ca else True
    return httpx.Client(verify=context, trust_env=not url.loopback, follow_redirects=False)


def send(
    client: httpx.Client,
    name: str,
    method: str,
    url: str,
    *,
    headers: Sequence[tuple[str, str]] = (),
    deadline: float,
    hint: str = "",
    **body: Any,
) -> httpx.Response:
    """The response to a request, if it is a success.

    Args:
        name: of the service, for messages.
        deadline: seconds.
        hint: what to do if the connection fails, for the message.

    Raises:
        Unreachable: if nothing was sent.
        NoAnswer: if it was sent and no complete response came, or a gateway reports that its service is down.
        ServiceError: if the service refuses; the class of the error depends on the reason.
    """
    timeout = httpx.Timeout(deadline, connect=min(CONNECT_DEADLINE, deadline))
    try:
        response = client.request(method, url, headers=list(headers), timeout=timeout, **body)
    except NEVER_SENT as error:
        message = f"cannot connect to {name} ({_describe(error)}){hint}"
        raise errors.Unreachable(message, code="UNAVAILABLE", details=_describe(error)) from None
    except httpx.HTTPError as error:
        raise make_no_answer(name, _describe(error)) from None
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise make_closed_error(name) from None
    if response.is_success:
        return response
    raise _make_refusal(name, response, headers)


def make_no_answer(name: str, reason: str) -> errors.NoAnswer:
    """The error for a request that was sent without getting a complete response."""
    return errors.NoAnswer(f"{name} did not answer ({reason})", code="UNAVAILABLE", details=reason)


def read_json(name: str, response: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        NoAnswer: if it is something else, such as the page of a proxy, or incomplete.
    """
    try:
        body = response.json()
    except ValueError:
        raise make_no_answer(name, f"{_describe_body(response)} instead of JSON") from None
    if not isinstance(body, dict):
        raise make_no_answer(name, "no JSON object")
    return body


def _make_refusal(
    name: str, response: httpx.Response, headers: Sequence[tuple[str, str]]
) -> errors.ServiceError:
    status = response.status_code
    if response.is_redirect:
        return _make_redirect_error(name, response)
    refusal = _parse_error(response)
    details = redact(refusal.details, headers)
    wait = _parse_retry_after(response.headers.get("retry-after"))
    request_id = find_request_id(response.headers.items())
    if status == 413:
        return errors.Rejected(
            f"{name} accepts no request of this size (HTTP 413: {details}): upload the recording to Object "
            "Storage and submit its link, or send a compressed format such as Ogg Opus",
            code="INVALID_ARGUMENT",
            details=details,
            request_id=request_id,
        )
    if status in GATEWAY and refusal.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"):
        message = f"{name} did not answer ({refusal.code}, HTTP {status}: {details})"
        return errors.NoAnswer(
            message, code=refusal.code, details=details, retry_after=wait, request_id=request_id
        )
    return make_service_error(refusal.code, details, wait, request_id)


def _make_redirect_error(name: str, response: httpx.Response) -> errors.Rejected:
    host = urlsplit(response.headers.get("location", "")).netloc.rpartition("@")[2] or "itself"
    message = (
        f"{name} redirects to {host} (HTTP {response.status_code}), and credentials are not sent to another "
        "host: connect to the right host, or check the proxy in between"
    )
    return errors.Rejected(message, code="FAILED_PRECONDITION", details=f"redirect to {host}")


def _parse_error(response: httpx.Response) -> errors.ServiceError:
    """The error in the body of a refusal, in one of the formats of the service, or the status line."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict) and body:
        return error_of(body, response.status_code)
    details = f"{response.reason_phrase}, with {_describe_body(response)} instead of JSON"
    return error_of({"message": details}, response.status_code)


def _describe_body(response: httpx.Response) -> str:
    """The kind of a body that is not the expected JSON.

    >>> _describe_body(httpx.Response(200, html="<html><title> Sign in </title>"))
    "a page of HTML, 'Sign in',"
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "text/html":
        return f"a body of type {kind!r}" if kind else "a body without a type"
    title = re.search(r"<title[^>]*>([^<]{1,80})", response.text, re.IGNORECASE)
    return f"a page of HTML, {title[1].strip()!r}," if title else "a page of HTML"


def _parse_retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date.

    >>> _parse_retry_after("30"), _parse_retry_after(None)
    (30.0, None)
    >>> _parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT")
    0.0
    """
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
