"""Every error Callscribe raises on purpose, on one screen. Imports nothing of ours.

    CallscribeError                     code              retryable
    ├── ConfigurationError              bad_configuration no
    ├── ProtocolError                   bad_message       no
    ├── AudioError                      bad_audio         no
    │   └── MediaError                  bad_media         no
    ├── SessionError                    bad_session       no
    │   ├── SessionNotFound             no_such_session   no
    │   ├── SessionClosed               session_closed    no
    │   ├── SpeakerTaken                speaker_taken     no
    │   └── LegNotFound                 no_such_leg       no
    ├── AuthenticationError             unauthorized      no
    ├── CapacityError                   at_capacity       yes
    ├── StoreError                      store_failed      yes
    │   └── EventRefused                event_refused     no
    └── EngineError                     engine_failed     set where it is made
        ├── ModelError                  bad_model         no
        └── UpstreamError               upstream_failed   set where it is made

``code`` is a stable name for programs, the message a sentence for people that says what to do.
How a code becomes an HTTP status or a WebSocket close code is written once, in ``web/errors.py``.
"""

from __future__ import annotations

import errno
import os


class CallscribeError(Exception):
    """An error with a stable ``code`` and a message that tells a person what to do."""

    code = "error"
    retryable = False

    def __init__(
        self, message: str, *, code: str | None = None, retryable: bool | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    def to_dict(self) -> dict[str, object]:
        """The JSON form that the API and the sockets send."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable}


class ConfigurationError(CallscribeError):
    """A setting has a value it cannot have."""

    code = "bad_configuration"


class ProtocolError(CallscribeError):
    """A message on a socket is malformed or comes at the wrong moment."""

    code = "bad_message"


class AudioError(CallscribeError):
    """Audio bytes that are not what was announced."""

    code = "bad_audio"


class MediaError(AudioError):
    """A file or upload holds no audio that can be read."""

    code = "bad_media"


class SessionError(CallscribeError):
    """A session or leg is not in the state that the request needs."""

    code = "bad_session"


class SessionNotFound(SessionError):
    """No session has this id."""

    code = "no_such_session"


class SessionClosed(SessionError):
    """The session has ended; it takes no more audio."""

    code = "session_closed"


class SpeakerTaken(SessionError):
    """Another connection speaks for this speaker already."""

    code = "speaker_taken"


class LegNotFound(SessionError):
    """The session has no leg for this speaker."""

    code = "no_such_leg"


class AuthenticationError(CallscribeError):
    """The request carries no key, or a wrong one."""

    code = "unauthorized"


class CapacityError(CallscribeError):
    """The machine is full: taking one more leg would ruin those it has."""

    code = "at_capacity"
    retryable = True


class StoreError(CallscribeError):
    """The store is full, locked or gone."""

    code = "store_failed"
    retryable = True


class EventRefused(StoreError):
    """The store is there, and cannot take this very event: a fault of Callscribe."""

    code = "event_refused"
    retryable = False


class EngineError(CallscribeError):
    """An engine could not do its work."""

    code = "engine_failed"


class ModelError(EngineError):
    """A model is missing, incomplete or not the one that was asked for."""

    code = "bad_model"


class UpstreamError(EngineError):
    """A service that an engine depends on refused, failed or fell silent.

    ``request_id`` is the service's own name for the request, for its support; "" where none came.
    """

    code = "upstream_failed"

    def __init__(
        self, message: str, *, code: str, retryable: bool = False, request_id: str = ""
    ) -> None:
        super().__init__(message, code=code, retryable=retryable)
        self.request_id = request_id


def reason_of(error: BaseException) -> str:
    """What the network or the disk says is wrong, in its words for people: ``Connection refused``.

    ``urllib`` wraps an error in another one, which is looked through.
    """
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return reason_of(inner)
    number = error.errno if isinstance(error, OSError) else None
    if number is not None and number in errno.errorcode:
        return os.strerror(number)
    return f"{type(error).__name__}: {error}".removesuffix(": ")
