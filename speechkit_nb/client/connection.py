"""`connect`: makes a client of a service from the arguments of the user."""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Literal, NamedTuple, get_args

from ..errors import ConfigError, TargetError, check_choice, check_path, check_type, join_names, suggest
from .auth.credentials import choose_credentials, clean_secret, find_credentials, hide_secret
from .auth.iam import IamClient
from .client import Client
from .jobs.polling import LOOPBACK, Pace
from .jobs.submitter import SubmissionSettings
from .journal.journal import Journal
from .storage.links import check_bucket
from .transport.base import Identity, Secret, Transport
from .transport.endpoints import CLOUD, KAZAKHSTAN, Endpoints, parse_service_url, read_certificates
from .transport.rate_limit import UNLIMITED, CallLimiter, Quota, share_limiters
from .transport.v2 import V2Transport
from .transport.v3 import V3Transport

LOCAL_OPTIONS = ("models", "whisper", "bucket_root", "data_dir")
REGIONS = {"cloud": CLOUD, "kazakhstan": KAZAKHSTAN}
Api = Literal["v3", "v2"]
Wire = Literal["grpc", "rest"]


class ServiceAddress(NamedTuple):
    """Address of a service.

    Attributes:
        name: the name of the service in the journal.
        endpoints: its hosts.
        wire: the protocol.
        pace: when to check the status of a job.
        hint: what to do if it cannot be reached; the end of an error message.
        has_quota: whether the service counts calls; the local server does not.
    """

    name: str
    endpoints: Endpoints
    wire: Wire
    pace: Pace | None = None
    hint: str = ""
    has_quota: bool = True


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

    If no credentials are given, the cloud and `endpoints` get the first that exists: `YC_API_KEY`,
    `YC_IAM_TOKEN`, `YC_OAUTH_TOKEN`, the file named by `YC_SERVICE_ACCOUNT_KEY_FILE`, the service account of
    the virtual machine, `YC_TOKEN`. Credentials of the environment are not sent to a target given as a URL.

    Args:
        target: None or `"cloud"` is Yandex Cloud, `"kazakhstan"` its region there. `"local"` starts the
            local recognizer in a separate process, which ends with the client or the kernel.
            `"grpc://HOST:PORT"` and `"http://HOST:PORT"` are servers on this machine, `"grpcs://HOST:PORT"`
            and `"https://HOST"` are others, with TLS.
        api: `"v3"`, or `"v2"`, which has fewer options.
        transport: `"grpc"` or `"rest"`, which passes through proxies; default: that of the target, or gRPC.
        api_key, iam_token, oauth_token: a secret; give at most one of them.
        service_account_key: file made by `yc iam key create`, or its content as a dict or as JSON.
        folder_id: only for user accounts; a service account has a folder already.
        endpoints: the hosts of another installation, instead of a target; for the cloud with a few other
            hosts, `dataclasses.replace(sk.CLOUD, ...)`.
        ca: PEM file of the certificate authorities to trust instead of the usual ones; also for storage.
        data_logging: let the service store the audio, so that its support can examine it.
        journal: file of the journal; default: the one of this user, in `$SPEECHKIT_NB_HOME` or the user's
            data folder.
        bucket: Object Storage bucket for recordings that are too large for a request.
        quota: submissions per hour and status checks per second, over all clients of this process with the
            same credentials, and billed hours per day; default: the cloud's, and no limit for servers on
            this machine.
        options: of the local server, for `"local"`: `models`, `data_dir`; `whisper`, a model of whisper for
            other languages than English, a name such as `"small"` or a folder; `bucket_root`, the folder
            that is used in place of Object Storage. For another server on this machine give the folder of
            its `--bucket-root`, so that uploads and `s3://` links with a pattern go there.

    Raises:
        TargetError: if the target is not the address of a service, or the service lacks that API.
        ConfigError: if credentials, `ca` or an option are not valid.
        Denied: if there are no credentials for the cloud.
        ServerError: if the local server does not start.
        JournalError: if the journal cannot be used.
    """
    secrets = {
        "api_key": hide_secret(api_key),
        "iam_token": hide_secret(iam_token),
        "oauth_token": hide_secret(oauth_token),
        "service_account_key": hide_secret(service_account_key),
    }
    api_key = iam_token = oauth_token = service_account_key = None  # so that no traceback shows them
    check_bucket(bucket)
    ca = None if ca is None else check_path("ca", ca)
    check_choice("api", api, get_args(Api))
    for option, value, types, expected in (
        ("target", target, str, "an address or a name such as 'local'"),
        ("service_account_key", secrets["service_account_key"], (str, os.PathLike), "a file, or its content"),
        ("endpoints", endpoints, Endpoints, "of the class Endpoints"),
        ("quota", quota, Quota, "of the class Quota"),
        ("journal", journal, (str, os.PathLike), "the path of a file"),
        ("folder_id", folder_id, str, "a text"),
        ("data_logging", data_logging, bool, "True or False"),
    ):
        if value is not None:
            check_type(option, value, types, expected, TargetError if option == "target" else ConfigError)
    if target is not None and endpoints is not None:
        raise TargetError(f"give a target or endpoints, not both: {target!r} is an address already")
    check_choice("transport", transport, (None, *get_args(Wire)))
    trusted = read_certificates(ca)
    _check_options(target, options)
    if target == "local":
        _check_not_given(**secrets, folder_id=folder_id, ca=ca, data_logging=data_logging or None)
        return _connect_local(transport or "grpc", api, journal, bucket, quota, options)
    address = _resolve_target(target, endpoints, transport)
    if (bucket_root := options.get("bucket_root")) and not address.endpoints.loopback:
        raise TargetError(f"bucket_root is for a server on this machine, and {address.name} is another one")
    is_local = address.endpoints.loopback and endpoints is None  # it reads no bucket of the cloud
    iam = IamClient(address.endpoints.iam, trusted)
    credentials = choose_credentials(iam, **secrets)
    if credentials is None and _is_cloud(target):
        credentials = find_credentials(iam)
    identity = Identity(
        credentials, None if folder_id is None else clean_secret(folder_id, "folder_id"), data_logging
    )
    opened = Journal(journal)
    caller = Secret("\n".join(map(str, [credentials, folder_id, *secrets.values()])))
    limiter = _make_limiter(address, caller, quota, opened)
    return Client(
        _make_transport(address, api, identity, trusted, limiter),
        opened,
        SubmissionSettings(
            scope=f"{address.name} {api}",
            reuse=not address.endpoints.loopback,
            bucket=bucket,
            folder=None if identity.folder_id is None else str(identity.folder_id),
            hours_per_day=_choose_quota(address, quota).hours_per_day,
            storage=bucket_root or (None if is_local else address.endpoints.storage),
            ca=ca,
        ),
        pace=address.pace,
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
    opened = Journal(journal)
    server = LocalServer(**options)
    url = server.target if wire == "grpc" else server.rest_target
    address = ServiceAddress("local", Endpoints.at(url), wire, LOOPBACK, server.hint, has_quota=False)
    limiter = _make_limiter(address, url, quota, opened)
    scope = f"local {api} {version('speechkit-nb')} {options.get('models')}"
    if options.get("whisper"):
        scope += f" {options['whisper']}"
    if find_spec("pocketsphinx") is None:  # then other engines recognize
        scope += " without pocketsphinx"
    return Client(
        _make_transport(address, api, Identity(), None, limiter),
        opened,
        SubmissionSettings(
            scope=scope,
            bucket=bucket,
            hours_per_day=_choose_quota(address, quota).hours_per_day,
            storage=options.get("bucket_root"),
        ),
        pace=address.pace,
        limiter=limiter,
        on_close=server.stop,
    )


def _make_limiter(address: ServiceAddress, caller: str, quota: Quota | None, journal: Journal) -> CallLimiter:
    """The limiter for a caller of a service; it counts the submissions of the last hour in the journal."""
    chosen = _choose_quota(address, quota)
    return share_limiters(address.name, caller, chosen, lambda: journal.submitted_ages(address.name))


def _choose_quota(address: ServiceAddress, quota: Quota | None) -> Quota:
    return quota or (Quota() if address.has_quota else UNLIMITED)


def _is_cloud(target: str | None) -> bool:
    return target is None or target in REGIONS


def _resolve_target(
    target: str | None, endpoints: Endpoints | None, transport: Wire | None
) -> ServiceAddress:
    """The address of a service other than `"local"`.

    >>> address = _resolve_target("https://stt.example.org", None, None)
    >>> address.name, address.wire
    ('https://stt.example.org:443', 'rest')
    """
    if endpoints is not None:
        region = next((name for name, known in REGIONS.items() if known == endpoints), None)
        name = region or str(endpoints.stt or endpoints.stt_rest)
        return ServiceAddress(name, endpoints, transport or "grpc")
    if target is None or target in REGIONS:
        return ServiceAddress(target or "cloud", REGIONS[target or "cloud"], transport or "grpc")
    url = parse_service_url(str(target))
    wire: Wire = "grpc" if url.grpc else "rest"
    if transport not in (None, wire):
        raise TargetError(
            f"{target!r} is an address for {wire}, not for transport={transport!r}: leave transport out"
        )
    name = str(url)  # the same for all spellings, since the journal stores jobs under it
    if not url.loopback:
        return ServiceAddress(name, Endpoints.at(url), wire)
    hint = f". Is it running? speechkit-nb serve --{wire} {url.netloc}"
    return ServiceAddress(name, Endpoints.at(url), wire, LOOPBACK, hint, has_quota=False)


def _make_transport(
    address: ServiceAddress, api: Api, identity: Identity, ca: bytes | None, limiter: CallLimiter
) -> Transport:
    """The connection to the service.

    Raises:
        TargetError: if it has no hosts for that API and protocol.
    """
    rest = "_rest" if address.wire == "rest" else ""
    needed = [f"stt{rest}"] if api == "v3" else [f"stt{rest}", f"transcribe{rest}", f"operation{rest}"]
    missing = [name for name in needed if getattr(address.endpoints, name) is None]
    if missing:
        raise TargetError(
            f"{address.name} has no endpoint {', '.join(missing)}, which API {api} over {address.wire} needs"
        )
    folder_id = identity.folder_id
    if api == "v2":  # v2 has the folder in each request, not in the metadata
        identity = replace(identity, folder_id=None)
    options: dict[str, Any] = {"identity": identity, "ca": ca, "hint": address.hint, "limiter": limiter}
    if address.wire == "rest":
        from .transport.rest import RestTransport

        connection: V3Transport = RestTransport(address.name, address.endpoints, **options)
    else:
        # read when grpc is imported; without it gRPC prints lines of its own for each failed attempt
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
        from .transport.grpc import GrpcTransport

        connection = GrpcTransport(address.name, address.endpoints, **options)
    return connection if api == "v3" else V2Transport(connection, folder_id)


def _check_options(target: str | None, options: dict[str, Any]) -> None:
    for name in options:
        if name not in LOCAL_OPTIONS:
            known = [*inspect.signature(connect).parameters][1:-1] + list(LOCAL_OPTIONS)
            raise ConfigError(f"no option {name!r}{suggest(name, known)}")
    if options.get("models") is not None:
        check_type("models", options["models"], Mapping, "a dict of models and engines")
    if (whisper := options.get("whisper")) is not None:
        check_type(
            "whisper", whisper, (str, os.PathLike), "the name of a model, such as 'small', or its folder"
        )
        check_path("whisper", whisper)
    for name in ("bucket_root", "data_dir"):
        if options.get(name) is not None:
            options[name] = check_path(name, options[name])
    misplaced = [name for name in options if name != "bucket_root"]
    if misplaced and target != "local":
        raise TargetError(f"{', '.join(misplaced)} can be set for connect('local') only, not for {target!r}")


def _check_not_given(**given: Any) -> None:
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise ConfigError(
            f"connect('local') starts a recognizer of its own, which has no use for {join_names(names)}: "
            "leave it out; for a server that has, connect to its address"
        )
