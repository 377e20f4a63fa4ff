"""Every exception and warning of the toolkit.

```
SpeechkitError
├── AudioError          (ValueError)    the recording cannot be read: not audio, empty, or cut off
├── LimitError          (ValueError)    the recording is longer or larger than the service accepts
├── ConfigError         (ValueError)    an option or its value is not valid
├── TargetError         (ValueError)    the string passed to connect() is not an address of a service
├── SchemaError         (ValueError)    a frame lacks a column or has the wrong dtype
├── EvaluationError     (ConfigError, SchemaError)   systems, reference and recordings do not match
├── PlotError           (ValueError)    there is nothing to draw, or no such lane
├── TranscriptError     (ValueError)    a saved transcript or a recorded answer cannot be read
├── JournalError        (RuntimeError)  the journal of jobs cannot be used
├── MissingExtra        (ImportError)   an optional package is needed for this
├── ServerError         (RuntimeError)  the local server did not start or was set up wrongly
├── JobError            (RuntimeError)  this job has no result
│   ├── JobFailed                       the service returned an error
│   ├── JobCancelled                    it was cancelled
│   ├── JobUnknown                      it is unknown whether the service received it
│   └── WaitTimeout     (TimeoutError)  waiting ended before the job was done; the job continues
└── ServiceError        (RuntimeError)  the service returned an error, or did not respond; has the code
    ├── Unreachable     (ConnectionError)   cannot connect; nothing was sent
    ├── NoAnswer        (ConnectionError)   the request was sent, but no response came
    ├── NotFound
    ├── NotReady                        the operation exists, its result does not yet
    ├── Rejected                        the request itself is at fault
    ├── Denied                          credentials or rights
    └── Exhausted                       a quota

UserWarning
├── QuotaWait           a quota is used up; the call waits until it is free again
├── Untimed             words lack times, so they are aligned without them
├── AudioConverted      the recording was transcoded before sending
├── AudioLeftOut        a file has bytes that are not read as sound
├── IneffectiveOption   an option has no effect without another one, or in this language
├── DamagedJob          a row of the journal cannot be read; the others are
├── PartialAnalysis     statistics of a long stream that cover a part of it
├── LeftOut             a part of a file or frame is not in the result, or looks wrong; the message says where
└── UnreadableMessage   one message of an answer could not be parsed; the others are kept
```
"""

from __future__ import annotations

import inspect
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from .wheels import list_pythons

_SURROGATES = re.compile("[\ud800-\udfff]")
_SECRETS = re.compile(
    r"""(https?:/+)(?:[^\s'"<>/]*@)?([^\s'"<>?]*)(?:\?[^\s'"<>]*)?"""
    r"""|(s3:/+)[^\s'"<>/]*@|\?[^\s'"<>]*(?:X-Amz-|Signature=)[^\s'"<>]*""",
    re.I,
)
"""Links, with user and password before the host and a query at the end; or only a signature."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

PACKAGE = os.path.dirname(__file__) + os.sep


class SpeechkitError(Exception):
    """Base of every error raised on purpose.

    Its message has no characters that control a terminal, and no signatures of links.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*(hide_signatures(one) if isinstance(one, str) else one for one in arguments))

    def __str__(self) -> str:
        return make_printable(super().__str__())


class AudioError(SpeechkitError, ValueError):
    """The recording cannot be read."""


class LimitError(SpeechkitError, ValueError):
    """The recording is longer or larger than the service accepts."""


class ConfigError(SpeechkitError, ValueError):
    """An option or its value is not valid."""


class TargetError(SpeechkitError, ValueError):
    """The string passed to `connect` is not an address of a service."""


class SchemaError(SpeechkitError, ValueError):
    """A frame lacks a column, or a column has the wrong dtype."""


class EvaluationError(ConfigError, SchemaError):
    """Systems, reference and recordings do not match: different recordings or utterances, duplicates, no
    reference, or no words after normalization."""


class PlotError(SpeechkitError, ValueError):
    """There is nothing to draw, or no such lane."""


class TranscriptError(SpeechkitError, ValueError):
    """A saved transcript or a recorded answer cannot be read."""


class JournalError(SpeechkitError, RuntimeError):
    """The journal of jobs cannot be used."""


class MissingExtra(SpeechkitError, ImportError):
    """An optional package is needed for this feature.

    Args:
        feature: what needs it.
        package: the requirement, such as `pyjwt[crypto]`.
        extra: the extra of speechkit-nb that installs it, on each Python for which the package has a wheel.
        instead: what else does, where there is no wheel.
    """

    def __init__(self, feature: str, package: str, extra: str, *, instead: str = "") -> None:
        import platform

        present = platform.python_version_tuple()[:2]
        pythons = list_pythons(package, extra)
        if not pythons or ".".join(present) in pythons:
            advice = f": pip install 'speechkit-nb[{extra}]'"
        else:
            advice = (
                f", which has no wheel for Python {'.'.join(present)} on {platform.system()} "
                f"{platform.machine()}; use Python {join_names(pythons, 'or')}{instead and ', or ' + instead}"
            )
        super().__init__(f"{feature} needs the package {package}{advice}")


class ServerError(SpeechkitError, RuntimeError):
    """The local server did not start, or was set up wrongly."""


class JobError(SpeechkitError, RuntimeError):
    """The job has no result."""


class JobFailed(JobError):
    """The service returned an error."""


class JobCancelled(JobError):
    """The job was cancelled."""


class JobUnknown(JobError):
    """It is unknown whether the service received the job.

    Attributes:
        job: the job; call `resubmit()` or `abandon()` on it. None if there is no job object.
    """

    def __init__(self, message: str, *, job: Any = None) -> None:
        super().__init__(message)
        self.job = job


class WaitTimeout(JobError, TimeoutError):
    """Waiting ended before the job was done; the job continues."""


class ServiceError(SpeechkitError, RuntimeError):
    """The service returned an error, or did not respond.

    Attributes:
        code: name of the gRPC status code, such as `"NOT_FOUND"`.
        details: the message of the service.
        retry_after: seconds that the service asks to wait; None if unknown.
        request_id: id of the request, for the support of the service; also at the end of the message.
            "" if unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        details: str = "",
        retry_after: float | None = None,
        request_id: str = "",
    ) -> None:
        is_new = request_id and request_id not in message  # the text of an earlier error may contain it
        super().__init__(f"{message} (x-request-id {request_id})" if is_new else message)
        self.code = code
        self.details = hide_signatures(details)
        self.retry_after = retry_after
        self.request_id = request_id


class Unreachable(ServiceError, ConnectionError):
    """Cannot connect to the service; nothing was sent."""


class NoAnswer(ServiceError, ConnectionError):
    """The request was sent, but no response came."""


class NotFound(ServiceError):
    """The service does not have this operation."""


class NotReady(ServiceError):
    """The operation exists, but its result is not ready."""


class Rejected(ServiceError):
    """The request is not valid; sending it again does not help."""


class Denied(ServiceError):
    """Credentials are missing, wrong, or lack a role."""


class Exhausted(ServiceError):
    """A quota is used up."""


class QuotaWait(UserWarning):
    """A quota is used up, and a call waits until it is free again."""


class Untimed(UserWarning):
    """Words have no times, so utterances are aligned without times."""


class AudioConverted(UserWarning):
    """The recording was transcoded before it was sent."""


class AudioLeftOut(UserWarning):
    """A file has bytes that are not read as sound, although they are no metadata either."""


class IneffectiveOption(UserWarning):
    """An option has no effect, because another one is missing or prevents it."""


class DamagedJob(UserWarning):
    """A row of the journal cannot be read and is left out; the others are used."""


class PartialAnalysis(UserWarning):
    """Statistics or summaries of a long stream cover a part of it."""


class LeftOut(UserWarning):
    """A part of a file or frame is not in the result, or looks wrong; the message says where it is."""


class UnreadableMessage(UserWarning):
    """One message of an answer could not be parsed; the others are kept."""


def warn(warning: Warning) -> None:
    """Issue a warning that shows the line of the user's code, however deep in the toolkit it arises."""
    outermost, depth, frame = 0, 0, inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            outermost = depth
        frame, depth = frame.f_back, depth + 1
    warnings.warn(warning, stacklevel=outermost + 2)


def few(names: Sequence[Any], show: Callable[[Any], str] = repr) -> str:
    """The first three names, as a list for a message.

    >>> few(["a", "b", "c", "d"])
    "'a', 'b', 'c', ..."
    """
    return ", ".join(map(show, names[:3])) + (", ..." if len(names) > 3 else "")


def count_noun(n: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun, in the plural if needed.

    Args:
        n: how many.
        noun: the singular; an `s`, or `es` after `ch`, is added to its first word for the plural.
        plural: the plural, where this is not right.

    >>> count_noun(1, "word"), count_noun(12345, "word"), count_noun(2, "entry", "entries")
    ('1 word', '12,345 words', '2 entries')
    >>> count_noun(2, "stretch of speech")
    '2 stretches of speech'
    """
    if n != 1:
        first, *rest = noun.split(" ")
        noun = plural or " ".join([f"{first}{'es' if first.endswith('ch') else 's'}", *rest])
    return f"{n:,} {noun}"


def join_names(names: Sequence[str], word: str = "and") -> str:
    """Names as a list in a sentence.

    >>> join_names(["a"]), join_names(["a", "b", "c"]), join_names(["a", "b"], "or")
    ('a', 'a, b and c', 'a or b')
    """
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def suggest(name: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown name: the most similar known name, if any, and all of them.

    >>> suggest("modle", ["model", "language"])
    "; did you mean 'model'? There are model, language"
    >>> suggest("x", ["model", "language"])
    '. There are model, language'
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return (f"; did you mean {near[0]!r}?" if near else ".") + f" There are {', '.join(known)}"


def show_value(value: object) -> str:
    """A value for a message: one short line, whatever it is.

    >>> show_value("a\\x1b"), show_value(10**5000), show_value([[1.0] * 3] * 99)
    ("'a\\\\x1b'", 'an int', '[[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], ...]')
    """
    import reprlib

    value = hide_signatures(value) if isinstance(value, str) else value  # before its middle is left out
    try:
        text = " ".join(reprlib.repr(value).split())
    except Exception:  # Python writes no integer of more than 4,300 digits, and a class may fail
        name = type(value).__name__
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return text


def check_number(
    option: str, value: object, low: float, high: float, error: type[SpeechkitError] = ConfigError
) -> float:
    """The value of an option as a float.

    Raises:
        SpeechkitError: of the class `error`, if it is not a number from low to high.

    >>> check_number("start", "1", 0, 60)
    Traceback (most recent call last):
    speechkit_nb.errors.ConfigError: start must be a number from 0 to 60, not '1'
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):  # type: ignore[operator]
        raise error(f"{option} must be a number from {low:,.10g} to {high:,.10g}, not {show_value(value)}")
    return float(value)  # type: ignore[arg-type]


def check_type(
    option: str,
    value: object,
    type_: type | tuple[type, ...],
    expected: str,
    error: type[SpeechkitError] = ConfigError,
) -> None:
    """
    Raises:
        SpeechkitError: of the class `error`, if the value is not of this type.

    >>> check_type("title", 5, str, "a text")
    Traceback (most recent call last):
    speechkit_nb.errors.ConfigError: title must be a text, not 5
    """
    if not isinstance(value, type_):
        raise error(f"{option} must be {expected}, not {show_value(value)}")


def list_names(option: str, value: object, error: type[SpeechkitError] = ConfigError) -> tuple[str, ...]:
    """The names in an option that takes one name or several.

    Raises:
        SpeechkitError: of the class `error`, if it is not a text or a list of texts.

    >>> list_names("by", "speaker"), list_names("by", ["call", "speaker"])
    (('speaker',), ('call', 'speaker'))
    >>> list_names("by", [1])
    Traceback (most recent call last):
    speechkit_nb.errors.ConfigError: by must be a name or a list of names, not [1]
    """
    names = [value] if isinstance(value, str) else value
    is_list = isinstance(names, Iterable) and not isinstance(names, (bytes, Mapping))
    found: tuple[Any, ...] = tuple(names) if is_list else (None,)  # type: ignore[arg-type]
    if not all(isinstance(name, str) for name in found):
        raise error(f"{option} must be a name or a list of names, not {show_value(value)}")
    return found


def check_system_name(name: object) -> None:
    """
    Raises:
        ConfigError: if a system cannot have this name.
    """
    is_name = isinstance(name, str) and name.strip()
    if not is_name or any("\ud800" <= character <= "\udfff" for character in str(name)):
        raise ConfigError(f"a system is called {show_value(name)}; its name is a text that is not empty")


def check_choice(
    option: str, value: Any, choices: Sequence[Any], error: type[SpeechkitError] = ConfigError
) -> None:
    """
    Raises:
        SpeechkitError: of the class `error`, if `value` is not one of `choices`; the message lists them,
            apart from None.

    >>> check_choice("api", "v4", ("v3", "v2"))
    Traceback (most recent call last):
    speechkit_nb.errors.ConfigError: api must be 'v3' or 'v2', not 'v4'
    """
    # values of another type are not compared, since == of an array or of pandas.NA has no truth value
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        named = join_names([repr(choice) for choice in choices if choice is not None], "or")
        raise error(f"{option} must be {named}, not {show_value(value)}")


def check_path(option: str, value: Any, error: type[SpeechkitError] = ConfigError) -> Path:
    """The path that a user has given, with `~` replaced by the home folder.

    Raises:
        SpeechkitError: of the class `error`, if the value cannot be a path.

    >>> check_path("journal", b"jobs")
    Traceback (most recent call last):
    speechkit_nb.errors.ConfigError: journal must be a path, such as 'folder/name', not b'jobs'
    """
    path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    is_path = isinstance(path, str) and path.strip() and "\0" not in path
    if not is_path or not _can_be_stored(str(path)):
        raise error(f"{option} must be a path, such as 'folder/name', not {show_value(value)}")
    return Path(os.path.expanduser(str(path)))


def _can_be_stored(path: str) -> bool:
    try:
        return bool(os.fsencode(path))
    except UnicodeEncodeError:  # half a character, which is no byte of a file name either
        return False


def make_printable(text: str) -> str:
    """The text with characters that control a terminal written as escapes; line breaks and tabs stay.

    >>> make_printable("\\x1b[2Jgone")
    '\\\\x1b[2Jgone'
    """
    return _CONTROLS.sub(_escape, text)


def hide_signatures(value: Any) -> Any:
    """The value with the links in its texts without queries, which are secret signatures, and passwords.

    >>> hide_signatures(["no object 'https://h/b/a.wav?X-Amz-Signature=ab12', as asked", "s3://key:ab12@b/a"])
    ["no object 'https://h/b/a.wav', as asked", 's3://b/a']
    """
    if isinstance(value, Mapping):
        return {name: hide_signatures(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide_signatures(one) for one in value]
    is_text = isinstance(value, str)
    return _SECRETS.sub(lambda found: "".join(filter(None, found.groups())), value) if is_text else value


def make_encodable(text: str) -> str:
    """The text with lone surrogates, which UTF-8 does not have, written as escapes.

    Python reads each byte of a file name that is not UTF-8 as a lone surrogate.

    >>> make_encodable(b"\\xcf.wav".decode("utf-8", "surrogateescape"))
    '\\\\xcf.wav'
    """
    return _SURROGATES.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    is_byte = 0xDC80 <= code <= 0xDCFF  # how Python reads a byte that is not UTF-8
    return f"\\x{code - 0xDC00:02x}" if is_byte else ascii(found[0])[1:-1]


def __getattr__(name: str) -> Any:
    if name != "Reused":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = "errors.Reused is deprecated: nothing warns of a used earlier result any more; see Job.reused"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return type("Reused", (UserWarning,), {})
