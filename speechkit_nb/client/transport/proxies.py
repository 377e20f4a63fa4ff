"""The proxy of the user, from the environment or the settings of the system."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ...errors import ConfigError
from .base import Secret
from .endpoints import ServiceUrl

SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, repr=False)
class Proxy:
    """A proxy.

    Attributes:
        url: with user and password, if there are any; the text of a proxy is without them.
        variable: the environment variable that names it.
    """

    url: Secret
    variable: str

    def __repr__(self) -> str:
        return f"{_hide_password(self.url)} ({self.variable})"


def find_proxy(url: ServiceUrl) -> Proxy | None:
    """The proxy for a host; None for this machine, for hosts in `NO_PROXY`, and if there is none.

    Raises:
        ConfigError: if the environment names one that cannot be used.
    """
    known = {kind: Secret(value.strip()) for kind, value in getproxies().items()}  # may have passwords
    scheme = "https" if url.tls else "http"
    kind = next((kind for kind in (scheme, "all") if known.get(kind)), None)
    if url.loopback or kind is None or proxy_bypass(url.netloc):
        return None
    given = known[kind]
    proxy = Proxy(given if "://" in given else Secret(f"http://{given}"), f"{kind.upper()}_PROXY")
    try:
        parts = urlsplit(proxy.url)
        is_usable = parts.scheme.lower() in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number
        is_usable = False
    if not is_usable or not proxy.url.isprintable() or " " in proxy.url:
        raise ConfigError(
            f"{proxy.variable}={_hide_password(given)!r} is no proxy that can be used: it must look like "
            f"http://HOST:PORT, with {', '.join(SCHEMES[1:])} instead of http as well; to connect "
            f"without it, add {url.host} to NO_PROXY"
        )
    return proxy


def _hide_password(url: str) -> str:
    before, at, host = url.rpartition("@")
    scheme, separator, _ = before.rpartition("://")
    return f"{scheme}{separator}***@{host}" if at else host
