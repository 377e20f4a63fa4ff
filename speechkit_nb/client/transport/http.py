"""One HTTP call: what went wrong, in the errors of the toolkit."""

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
from .base import closed
from .endpoints import address
from .retry import redacted, request_id_of, service_error

CONNECT_DEADLINE = 10.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
GATEWAY = (502, 503, 504)


def open_client(url: str, ca: bytes | None = None) -> httpx.Client:
    """A client for hosts such as that of `url`.

    It follows no redirects, since credentials would go with them. The user's proxy is used, but not for
    this machine.

    Args:
        ca: certificates of the authorities to trust in place of the usual ones.
    """
    context = ssl.create_default_context(cadata=ca.decode("ascii", "ignore")) if ca else True
    trust_env = not address(url).loopback
    return httpx.Client(verify=context, trust_env=trust_env, follow_redirects=False)


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
    """The answer to a request, if it is one that says yes.

    Args:
        name: who is asked, for messages.
        deadline: seconds.
        hint: what to do when nobody answers.

    Raises:
        Unreachable: nothing was sent, or a gateway says that nobody is behind it.
        NoAnswer: it was sent, and the answer did not come or broke off.
        ServiceError: the answer is no; its class says why.
    """
    timeout = httpx.Timeout(deadline, connect=min(CONNECT_DEADLINE, deadline))
    try:
        response = client.request(method, url, headers=list(headers), timeout=timeout, **body)
    except NEVER_SENT as error:
        message = f"nobody answers at {name} ({_why(error)}){hint}"
        raise errors.Unreachable(message, code="UNAVAILABLE", details=_why(error)) from None
    except httpx.HTTPError as error:
        raise no_answer(name, _why(error)) from None
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise closed(name) from None
    if response.is_success:
        return response
    raise _refusal(name, response, headers)


def no_answer(name: str, why: str) -> errors.NoAnswer:
    """A request was sent, and what came back is nothing or not whole."""
    return errors.NoAnswer(f"{name} did not answer ({why})", code="UNAVAILABLE", details=why)


def json_of(name: str, response: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        NoAnswer: if it is something else, such as the page of a proxy, or was cut.
    """
    try:
        found = response.json()
    except ValueError:
        raise no_answer(name, f"{_kind(response)} instead of JSON") from None
    if not isinstance(found, dict):
        raise no_answer(name, "no JSON object")
    return found


def _refusal(name: str, response: httpx.Response, headers: Sequence[tuple[str, str]]) -> errors.ServiceError:
    status = response.status_code
    if response.is_redirect:
        return _redirect(name, response)
    found = _described(response)
    details = redacted(found.details, headers)
    wait = _retry_after(response.headers.get("retry-after"))
    request_id = request_id_of(response.headers.items())
    if status == 413:
        return errors.Rejected(
            f"{name} takes no request of this size (HTTP 413: {details}): upload the recording to Object "
            "Storage and submit its link, or send a compressed form such as Ogg Opus",
            code="INVALID_ARGUMENT",
            details=details,
            request_id=request_id,
        )
    if status in GATEWAY and found.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"):
        message = f"{name} did not answer ({found.code}, HTTP {status}: {details})"
        return errors.NoAnswer(
            message, code=found.code, details=details, retry_after=wait, request_id=request_id
        )
    return service_error(found.code, details, wait, request_id)


def _redirect(name: str, response: httpx.Response) -> errors.Rejected:
    where = urlsplit(response.headers.get("location", "")).netloc.rpartition("@")[2] or "itself"
    message = (
        f"{name} redirects to {where} (HTTP {response.status_code}), and credentials are not sent after it: "
        "connect to the right host, or look at the proxy in between"
    )
    return errors.Rejected(message, code="FAILED_PRECONDITION", details=f"redirect to {where}")


def _described(response: httpx.Response) -> errors.ServiceError:
    """What the body of a refusal says, in one of the service's shapes, or the status line."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict) and body:
        return error_of(body, response.status_code)
    details = f"{response.reason_phrase}, with {_kind(response)} instead of JSON"
    return error_of({"message": details}, response.status_code)


def _kind(response: httpx.Response) -> str:
    """What a body is that is not the expected JSON.

    >>> _kind(httpx.Response(200, html="<html><title> Sign in </title>"))
    "a page of HTML, 'Sign in',"
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "text/html":
        return f"a body of type {kind!r}" if kind else "a body of no type"
    title = re.search(r"<title[^>]*>([^<]{1,80})", response.text, re.IGNORECASE)
    return f"a page of HTML, {title[1].strip()!r}," if title else "a page of HTML"


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date.

    >>> _retry_after("30"), _retry_after(None), _retry_after("Thu, 01 Jan 1970 00:00:00 GMT")
    (30.0, None, 0.0)
    """
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
