"""Which errors of the network pass, how long to wait for it, and how the final ones are told.

No library's own message is handed on: they quote addresses, and signed ones hold credentials.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep
from typing import Any, TypeVar

from manifests.errors import SmolmixError, SourceError, UnavailableError, without_secrets

_T = TypeVar("_T")

MAX_TRIES = 8
MAX_WAIT_S = 300.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0

_PASSING_STATUS = {408, 429, 500, 502, 503, 504}
# S3 tells some of what passes with a status 400.
_PASSING_CODES = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException"}
# Class names of errors that pass, by the library that raises them; subclasses too. Looked up by
# name: importing any of them takes up to a second, and most runs need one.
_PASSING_ERRORS = {
    "builtins": {"ConnectionError", "TimeoutError"},
    "httpx": {"TimeoutException", "NetworkError", "RemoteProtocolError"},
    "httpx2": {"TimeoutException", "NetworkError", "RemoteProtocolError"},
    "requests": {"ConnectionError", "Timeout", "ChunkedEncodingError"},
    "aiohttp": {"ClientConnectionError", "ClientPayloadError"},
    "botocore": {"HTTPClientError", "ConnectionError", "IncompleteReadError"},
    "urllib3": {"ProtocolError", "TimeoutError"},
}
_FINAL_ERRORS = {"huggingface_hub": {"OfflineModeIsEnabled"}}
# Of those, the ones of a host that was never reached; at first contact they are not waited for.
_UNREACHED = {"ConnectError", "ClientConnectorError", "EndpointConnectionError"}
_DENIED_ERRORS = {"botocore": {"NoCredentialsError", "PartialCredentialsError"}}

_ACCESS = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to an account that may "
    "read it, or FSSPEC_S3_ANON=true where the bucket is public",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the key file of an account that may read it",
}
_RATE_LIMIT = re.compile(r"\br=0\b.*?\bt=(\d+)")


class CutShortError(ConnectionError):
    """A body ended before, or went on after, the byte where it should end."""


class StatusError(Exception):
    """An HTTP answer that is no success, without its address."""

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers


def with_retries(action: Callable[[], _T], where: str, repo: str = "") -> _T:
    """What `action` gives, tried again while its errors pass; SourceError where they do not.

    For listings and the like: a host that cannot be reached at all is final at once.
    """
    patience = Patience()
    while True:
        try:
            return action()
        except SmolmixError:
            raise
        except Exception as error:
            if is_unreached(error) or not patience.wait(error):
                raise final_error(error, where, repo, patience) from error


class Patience:
    """Counts tries that brought nothing, and waits between them."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.tries = 0

    def progress(self) -> None:
        """Something was got: the count of tries begins anew, the time goes on."""
        self.tries = 0

    def wait(self, error: BaseException) -> bool:
        """Sleep before the next try; False where there is none: the error is final, or too many."""
        self.tries += 1
        pause = self._pause(error)
        left = MAX_WAIT_S - (monotonic() - self._started)
        if not passes(error) or self.tries >= MAX_TRIES or pause > left:
            return False
        sleep(pause)
        return True

    def _pause(self, error: BaseException) -> float:
        asked = retry_after(_headers_of(error))
        step = min(_FIRST_WAIT_S * 2 ** (self.tries - 1), _LONGEST_WAIT_S)
        # Jitter: workers that were refused together do not come back together.
        jitter = float(step * random.uniform(0.5, 1.0))
        return jitter if asked is None else asked + jitter / 10


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: `Retry-After` (a number or a date), or the Hub's own."""
    lower = {str(name).lower(): str(value).strip() for name, value in headers.items()}
    asked = lower.get("retry-after", "")
    if asked.isdigit():
        return float(asked)
    if asked:
        try:
            until = parsedate_to_datetime(asked)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, float((until - datetime.now(UTC)).total_seconds()))
    spent = _RATE_LIMIT.search(lower.get("ratelimit", ""))
    return float(spent[1]) if spent else None


def passes(error: BaseException) -> bool:
    """Whether another try may succeed."""
    if any(_is_a(e, _FINAL_ERRORS) for e in _chain(error)):
        return False
    status = status_of(error)
    if status is not None:
        return status in _PASSING_STATUS or _code_of(error) in _PASSING_CODES
    return any(_is_a(e, _PASSING_ERRORS) for e in _chain(error))


def is_unreached(error: BaseException) -> bool:
    """Whether no connection was made: no network, no such host, or nobody listens there."""
    return any(type(e).__name__ in _UNREACHED for e in _chain(error))


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an error of any of the libraries; None where there was no answer."""
    for e in _chain(error):
        if _is_a(e, _DENIED_ERRORS):
            return 401
        response = getattr(e, "response", None)
        if isinstance(response, dict):
            found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            found = getattr(response, "status_code", None)
        for value in (found, getattr(e, "status", None), getattr(e, "code", None)):
            if isinstance(value, int) and value >= 400:
                return value
    if isinstance(error, FileNotFoundError):
        return 404
    return 403 if isinstance(error, PermissionError) else None


def final_error(
    error: BaseException, where: str, repo: str = "", patience: Patience | None = None
) -> SourceError:
    """One sentence: what cannot be read, why, and what to do. `where` is a URI, `repo` a Hub id."""
    place = without_secrets(where)
    scheme = place.partition("://")[0]
    status = status_of(error)
    if status in (401, 403):
        return UnavailableError(f"{place} may not be read (HTTP {status}); {_access(scheme, repo)}")
    if status == 404:
        private = f", or is private: {_access(scheme, repo)}" if repo and scheme == "hf" else ""
        return UnavailableError(f"{place} is not there (HTTP 404): removed or renamed{private}")
    if status in (412, 416):
        return changed(place)
    reason = f"HTTP {status}" if status else type(error).__name__
    tries = f" after {patience.tries} tries" if patience and patience.tries > 1 else ""
    asked = retry_after(_headers_of(error))
    later = f"; the server asks to wait {asked:.0f} s" if asked else ""
    return UnavailableError(
        f"{place} cannot be reached ({reason}{tries}){later}; run the same command again later, or "
        "without a network build from a mirror: `mixture samples DIR` writes one, `--mirror DIR` "
        "reads it"
    )


def changed(place: str) -> SourceError:
    return SourceError(
        f"{without_secrets(place)} has changed since it was listed; run the same command again"
    )


def _access(scheme: str, repo: str) -> str:
    if scheme in ("hf", "") and repo:
        return (
            f"visit https://huggingface.co/datasets/{repo}, accept its terms if it has some, and "
            "set HF_TOKEN to a token of that account (https://huggingface.co/settings/tokens)"
        )
    return _ACCESS.get({"gcs": "gs", "s3a": "s3"}.get(scheme, scheme), "ask its owner for access")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from: s3fs raises OSError from botocore's."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


def _is_a(error: BaseException, table: Mapping[str, set[str]]) -> bool:
    return any(
        kind.__name__ in table.get(kind.__module__.partition(".")[0], ())
        for kind in type(error).__mro__
    )


def _code_of(error: BaseException) -> str:
    for e in _chain(error):
        response = getattr(e, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _headers_of(error: BaseException) -> Mapping[str, Any]:
    for e in _chain(error):
        response = getattr(e, "response", None)
        if isinstance(response, dict):
            found = response.get("ResponseMetadata", {}).get("HTTPHeaders")
        else:
            found = getattr(response, "headers", None) or getattr(e, "headers", None)
        if found:
            return dict(found)
    return {}
