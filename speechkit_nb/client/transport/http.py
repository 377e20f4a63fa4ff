"""HTTP calls with limits of time and size for the whole call, whose failures become errors of the toolkit."""

from __future__ import annotations

import json
import math
import os
import re
import ssl
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx

from ... import errors
from ...wire import error_of
from ..clock import time_left, time_limit
from .base import make_closed_error
from .proxies import Proxy
from .retry import clip, find_request_id, make_no_answer, make_service_error, redact
from .timed_network import TimedTransport

CONNECT_DEADLINE = 10.0
ANSWER_LIMIT = 64_000_000
"""Bytes of the largest response; a result of four hours has 30 MB."""
REFUSAL_LIMIT = 1_000_000
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
GATEWAY = (502, 503, 504)


@dataclass(frozen=True)
class HttpResponse:
    """A complete response. Its repr is short, since a server may quote a key."""

    status: int
    reason: str
    headers: httpx.Headers = field(repr=False)
    content: bytes = field(repr=False)


class HttpClient:
    """HTTP calls to one service. It follows no redirects, since credentials would be sent along.

    Args:
        name: of the service, for messages.
        proxy: to it; None if there is none.
        ca: certificates of the authorities to trust in place of the usual ones.
        hint: what to do if the connection fails, for the message.

    Raises:
        ConfigError: if the proxy needs a package that is missing.
    """

    def __init__(
        self, name: str, proxy: Proxy | None = None, ca: bytes | None = None, hint: str = ""
    ) -> None:
        via = "" if proxy is None else f" through the proxy {proxy}"
        self._name, self._via, self._hint = name, via, hint
        self._http = httpx.Client(transport=_open_transport(ca, proxy), trust_env=False)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        deadline: float,
        **body: Any,
    ) -> HttpResponse:
        """The response to a request, if it is a success.

        Args:
            deadline: seconds for the whole call; a `time_limit` of the caller may be shorter.

        Raises:
            Unreachable: if nothing was sent.
            NoAnswer: if it was sent and no complete response came in time, or a gateway reports that its
                service is down.
            ServiceError: if the service refuses, or the response is larger than `ANSWER_LIMIT`.
        """
        seconds = time_left(deadline)
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_DEADLINE, seconds))
        try:
            with time_limit(seconds):
                request = self._http.build_request(
                    method, url, headers=[*headers, ("accept-encoding", "gzip")], timeout=timeout, **body
                )
                response = self._read(self._http.send(request, stream=True, follow_redirects=False))
        except NEVER_SENT as error:
            reason = _describe(error)
            message = f"cannot connect to {self._name}{self._via} ({reason}){self._hint}"
            raise errors.Unreachable(message, code="UNAVAILABLE", details=reason) from None
        except httpx.TimeoutException:
            raise make_no_answer(self._name, f"not within {seconds:.3g} s", "DEADLINE_EXCEEDED") from None
        except httpx.HTTPError as error:
            raise make_no_answer(self._name, _describe(error)) from None
        except RuntimeError as error:
            if "closed" not in str(error):
                raise
            raise make_closed_error(self._name) from None
        if 200 <= response.status < 300:
            return response
        raise _make_refusal(self._name, response, headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _read(self, response: httpx.Response) -> HttpResponse:
        """The whole response, decompressed."""
        limit = ANSWER_LIMIT if response.is_success else REFUSAL_LIMIT
        content = bytearray()
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            response.close()
            raise make_no_answer(self._name, f"a body with the encoding {encoding[:60]!r}, not gzip")
        # Not by httpx: it would decompress everything before the size can be checked.
        unzip = zlib.decompressobj(31) if encoding == "gzip" else None
        try:
            for part in response.iter_raw():
                content += part if unzip is None else unzip.decompress(part, limit + 1 - len(content))
                if len(content) > limit:
                    raise errors.ServiceError(
                        f"{self._name} sent more than {limit / 1e6:g} MB, the limit of this client"
                    )
        except zlib.error as error:
            raise make_no_answer(self._name, f"a broken gzip body: {error}") from None
        finally:
            response.close()
        if unzip is not None and not unzip.eof and response.is_success:
            raise make_no_answer(self._name, "a gzip body without its end")
        return HttpResponse(response.status_code, response.reason_phrase, response.headers, bytes(content))


def _open_transport(ca: bytes | None, proxy: Proxy | None) -> TimedTransport:
    trusted = _trust(ca, os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
    try:
        return TimedTransport(verify=trusted, proxy=None if proxy is None else proxy.url)
    except ImportError:
        raise errors.ConfigError(
            f"the SOCKS proxy {proxy} needs the package socksio: pip install 'httpx[socks]'"
        ) from None


@lru_cache(maxsize=8)
def _trust(ca: bytes | None, *_: str | None) -> ssl.SSLContext:
    """The certificates to trust, which take long to read; the other arguments are what httpx reads itself."""
    if ca is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cadata=ca.decode("ascii", "ignore"))


def read_json(name: str, response: HttpResponse) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        NoAnswer: if it is something else, such as the page of a proxy, or incomplete.
    """
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        raise make_no_answer(name, f"{_describe_body(response)} instead of JSON") from None
    if not isinstance(body, dict):
        raise make_no_answer(name, "no JSON object")
    return body


def _make_refusal(
    name: str, response: HttpResponse, headers: Sequence[tuple[str, str]]
) -> errors.ServiceError:
    status = response.status
    if 300 <= status < 400:
        return _make_redirect_error(name, response)
    refusal = _parse_error(response)
    details = redact(refusal.details, headers)
    wait = parse_retry_after(response.headers.get("retry-after"))
    request_id = find_request_id(response.headers.items())
    if status == 413:
        return errors.Rejected(
            f"{name} accepts no request of this size (HTTP 413: {clip(details)}): upload the recording to "
            "Object Storage and submit its link, or send a compressed format such as Ogg Opus",
            code="INVALID_ARGUMENT",
            details=details,
            request_id=request_id,
        )
    if status in GATEWAY and refusal.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"):
        message = f"{name} did not answer ({refusal.code}, HTTP {status}: {clip(details)})"
        return errors.NoAnswer(
            message, code=refusal.code, details=details, retry_after=wait, request_id=request_id
        )
    return make_service_error(refusal.code, details, wait, request_id)


def _make_redirect_error(name: str, response: HttpResponse) -> errors.Rejected:
    try:
        host = urlsplit(response.headers.get("location", "")).netloc.rpartition("@")[2] or "itself"
    except ValueError:
        host = "an address that is none"
    message = (
        f"{name} redirects to {host} (HTTP {response.status}), and credentials are not sent to another "
        "host: connect to the right host, or check the proxy in between"
    )
    return errors.Rejected(message, code="FAILED_PRECONDITION", details=f"redirect to {host}")


def _parse_error(response: HttpResponse) -> errors.ServiceError:
    """The error in the body of a refusal, in one of the formats of the service, or the status line."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict) and body:
        return error_of(body, response.status)
    details = f"{response.reason}, with {_describe_body(response)} instead of JSON"
    return error_of({"message": details}, response.status)


def _describe_body(response: HttpResponse) -> str:
    """The kind of a body that is not the expected JSON.

    >>> headers = httpx.Headers({"content-type": "text/html"})
    >>> _describe_body(HttpResponse(200, "OK", headers, b"<html><title> Sign in </title>"))
    "a page of HTML, 'Sign in',"
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "text/html":
        return f"a body of type {kind[:60]!r}" if kind else "a body without a type"
    text = response.content[:100_000].decode(errors="replace")
    title = re.search(r"<title[^>]*>([^<]{1,80})", text, re.IGNORECASE)
    return f"a page of HTML, {title[1].strip()!r}," if title else "a page of HTML"


def parse_retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date; None for anything else.

    >>> [parse_retry_after(text) for text in ("30", "1.5", "-1", "nan", "soon", None)]
    [30.0, 1.5, None, None, None, None]
    >>> parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT")
    0.0
    """
    try:
        seconds = float(text or "")
    except ValueError:
        try:
            seconds = max(parsedate_to_datetime(text or "").timestamp() - time.time(), 0.0)
        except (ValueError, OverflowError):
            return None
    return seconds if 0 <= seconds < math.inf else None


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
