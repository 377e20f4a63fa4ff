"""From what a user gives to a client of the service behind it."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Literal, NamedTuple, get_args

from ..errors import ConfigError, TargetError
from .auth.credentials import choose_credentials, clean_secret, find_credentials
from .auth.iam import IamClient
from .client import Client
from .jobs.polling import LOOPBACK, Pace
from .jobs.submitter import SubmissionSettings
from .journal.journal import Journal
from .transport.base import Transport
from .transport.endpoints import CLOUD, KAZAKHSTAN, Endpoints, parse_service_url, read_certificates
from .transport.identity import Identity
from .transport.rate_limit import UNLIMITED, CallLimiter, Quota, share_limiters
from .transport.v2 import V2Transport
from .transport.v3 import V3Transport

LOCAL_OPTIONS = ("models", "bucket_root", "data_dir")
REGIONS = {"cloud": CLOUD, "kazakhstan": KAZAKHSTAN}
Api = Literal["v3", "v2"]
Wire = Literal["grpc", "rest"]


class Place(NamedTuple):
    """A service: what it is called, where it is, how soon it is asked, what to do if it does not answer."""

    name: str
    endpoints: Endpoints
    pace: Pace | None = None
    hint: str = ""


def connect(
    target: str | None = None,
    *,
    api: Api = "v3",
    transport: Wire | None = None,
    api_key: str | None = None,
    iam_token: str | None = None,
    oauth_token: str | None = None,
    service_account_key: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    folder_id: str | None = None,
    endpoints: Endpoints | None = None,
    ca: str | os.PathLike[str] | None = None,
    data_logging: bool = False,
    journal: str | os.PathLike[str] | None = None,
    bucket: str | None = None,
    quota: Quota | None = None,
    **options: Any,
) -> Client:
    """Connect to a recognition service.

    Credentials are those given here. If none are, they are for the cloud and for `endpoints` the first of
    `YC_API_KEY`, `YC_IAM_TOKEN`, `YC_OAUTH_TOKEN`, the file named by `YC_SERVICE_ACCOUNT_KEY_FILE`, the
    service account of the virtual machine this runs on, `YC_TOKEN`. What is in the environment is not sent
    to a target given as a URL.

    Args:
        target: None or `"cloud"` is Yandex Cloud, `"kazakhstan"` its region there. `"local"` starts the
            embedded recognizer in a process of its own, which ends with the client or the kernel.
            `"grpc://HOST:PORT"` and `"http://HOST:PORT"` are servers on this machine, `"grpcs://HOST:PORT"`
            and `"https://HOST"` are others, with TLS.
        api: `"v3"`, or `"v2"` with its fewer options.
        transport: `"grpc"` or `"rest"`, for those behind a proxy; by default what the target says, or gRPC.
        api_key, iam_token, oauth_token: a secret; give one of them at most.
        service_account_key: file (or its content as a dict) made by `yc iam key create`.
        folder_id: only for accounts of people; a service account knows its folder.
        endpoints: the hosts of an installation of one's own, in place of a target; to have the cloud with
            another host or two, `dataclasses.replace(CLOUD, ...)`, `CLOUD` of
            `speechkit_nb.client.transport.endpoints`.
        ca: PEM file of the authorities to trust in place of the usual ones, by Object Storage as well.
        data_logging: let the service keep the audio, so that its support can look into it.
        journal: file of the job ledger; by default the one of this user, see `journal.home`.
        bucket: Object Storage bucket for what is too large to be sent inline.
        quota: submissions an hour and questions a second, over all clients of this process with the same
            credentials; by default the cloud's, and none for servers on this machine.
        options: of the local server, for `"local"`: `models`, `bucket_root`, `data_dir`.

    Raises:
        TargetError: if the target names no service, or has none of that kind.
        ConfigError: if credentials or `ca` cannot be right.
        Denied: if the cloud is asked for and there are no credentials.
        ServerError: if the local server does not start.
        JournalError: if the ledger cannot be used.
    """
    _check_choice("api", api, get_args(Api))
    if target is not None and endpoints is not None:
        raise TargetError(f"endpoints= says where the service is, and so does {target!r}: leave one of them")
    wire = _wire(target, transport)
    trusted = read_certificates(ca)
    _check_options(target, options)
    secrets = {
        "api_key": api_key,
        "iam_token": iam_token,
        "oauth_token": oauth_token,
        "service_account_key": service_account_key,
    }
    if target == "local":
        _refuse_for_local(**secrets, folder_id=folder_id, ca=ca, data_logging=data_logging or None)
        return _connect_local(wire, api, journal, bucket, quota, options)
    place = _place(target, endpoints)
    iam = IamClient(place.endpoints.iam, trusted)
    credentials = choose_credentials(iam, **secrets)
    if credentials is None and _is_cloud(target):
        credentials = find_credentials(iam)
    identity = Identity(credentials, folder_id and clean_secret(folder_id, "folder_id"), data_logging)
    ledger = Journal(journal)
    limiter = _limiter(place, repr([credentials, folder_id, *secrets.values()]), quota, ledger)
    return Client(
        _transport(place, wire, api, identity, trusted, limiter),
        ledger,
        SubmissionSettings(
            scope=f"{place.name} {api}",
            reuse=not place.endpoints.loopback,
            bucket=bucket,
            storage=place.endpoints.storage,
            ca=ca,
        ),
        pace=place.pace,
        limiter=limiter,
    )


def _connect_local(
    wire: Wire,
    api: Api,
    journal: str | os.PathLike[str] | None,
    bucket: str | None,
    quota: Quota | None,
    options: dict[str, Any],
) -> Client:
    from .local_server import LocalServer

    if bucket is not None and not options.get("bucket_root"):
        raise ConfigError(
            f"bucket={bucket!r} of connect('local') is a folder below bucket_root=DIR: give both"
        )
    ledger = Journal(journal)
    server = LocalServer(**options)
    url = server.target if wire == "grpc" else server.rest_target
    place = Place("local", Endpoints.at(url), LOOPBACK, server.hint)
    limiter = _limiter(place, url, quota, ledger)
    return Client(
        _transport(place, wire, api, Identity(), None, limiter),
        ledger,
        SubmissionSettings(
            scope=f"local {api} {version('speechkit-nb')} {options.get('models')}",
            bucket=bucket,
            storage=options.get("bucket_root") or CLOUD.storage,
        ),
        pace=place.pace,
        limiter=limiter,
        on_close=server.stop,
    )


def _limiter(place: Place, caller: str, quota: Quota | None, journal: Journal) -> CallLimiter:
    """The limiter for a caller of a service, which knows of the submissions of the last hour."""
    default = UNLIMITED if place.pace is LOOPBACK else Quota()
    return share_limiters(place.name, caller, quota or default, lambda: journal.submitted_ages(place.name))


def _is_cloud(target: str | None) -> bool:
    return target is None or target in REGIONS


def _wire(target: str | None, transport: Wire | None) -> Wire:
    """Whether gRPC or REST is spoken.

    >>> _wire("https://stt.example.org", None), _wire("local", "rest"), _wire(None, None)
    ('rest', 'rest', 'grpc')
    """
    _check_choice("transport", transport, (None, *get_args(Wire)))
    if _is_cloud(target) or target == "local":
        return transport or "grpc"
    told: Wire = "rest" if not parse_service_url(str(target)).grpc else "grpc"
    if transport not in (None, told):
        raise TargetError(f"{target!r} speaks {told}, not {transport}: leave transport={transport!r}")
    return told


def _place(target: str | None, endpoints: Endpoints | None) -> Place:
    if endpoints is not None:
        name = next((name for name, known in REGIONS.items() if known == endpoints), None)
        return Place(name or str(endpoints.stt or endpoints.stt_rest), endpoints)
    if _is_cloud(target):
        return Place(target or "cloud", REGIONS[target or "cloud"])
    where = parse_service_url(str(target))
    name = str(where)  # one spelling: the journal knows services by it
    if not where.loopback:
        return Place(name, Endpoints.at(where))
    door = "grpc" if where.grpc else "rest"
    hint = f". Is it running? speechkit-nb serve --{door} {where.netloc}"
    return Place(name, Endpoints.at(where), LOOPBACK, hint)


def _transport(
    place: Place, wire: Wire, api: Api, identity: Identity, ca: bytes | None, limiter: CallLimiter
) -> Transport:
    """The way to the service.

    Raises:
        TargetError: if there are no such hosts.
    """
    rest = "_rest" if wire == "rest" else ""
    needed = [f"stt{rest}"] if api == "v3" else [f"stt{rest}", f"transcribe{rest}", f"operation{rest}"]
    missing = [name for name in needed if getattr(place.endpoints, name) is None]
    if missing:
        raise TargetError(
            f"{place.name} has no endpoint {', '.join(missing)}, which API {api} over {wire} needs"
        )
    folder_id = identity.folder_id
    if api == "v2":  # it has the folder in the request
        identity = replace(identity, folder_id=None)
    options: dict[str, Any] = {"identity": identity, "ca": ca, "hint": place.hint, "limiter": limiter}
    if wire == "rest":
        from .transport.rest import RestTransport

        door: V3Transport = RestTransport(place.name, place.endpoints, **options)
    else:
        from .transport.grpc import GrpcTransport

        door = GrpcTransport(place.name, place.endpoints, **options)
    return door if api == "v3" else V2Transport(door, folder_id)


def _check_options(target: str | None, options: dict[str, Any]) -> None:
    for name in options:
        if name not in LOCAL_OPTIONS:
            known = [*inspect.signature(connect).parameters][1:-1] + list(LOCAL_OPTIONS)
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise ConfigError(f"no option {name!r}{hint} There are {', '.join(known)}")
    if options and target != "local":
        raise TargetError(f"{', '.join(options)} can be set for connect('local') only, not for {target!r}")


def _refuse_for_local(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise ConfigError(
            f"connect('local') starts a recognizer of its own, which has no use for {' and '.join(names)}: "
            "leave it out; for a server that has, connect to its address"
        )


def _check_choice(option: str, value: Any, choices: tuple[Any, ...]) -> None:
    if value not in choices:
        named = " or ".join(repr(choice) for choice in choices if choice is not None)
        raise ConfigError(f"{option}={value!r}, but it is {named}")
