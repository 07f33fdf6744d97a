"""Every error of ours, by what the caller can do about it.

QuintetError
├── RequestError                 the caller asked for something that cannot be; HTTP 4xx
│   ├── InvalidRequest           malformed or out of limits                     400 / 422
│   ├── TooLarge                 a body, a file or a set of files               413
│   ├── NotFound                                                                404
│   ├── Conflict                 the state has moved on; look again             409
│   ├── Busy                     no room now; try again later                   503
│   └── DependencyUnavailable    the database, queue or disk is away            503
│       └── TookTooLong          the database answers, but not this in time     503
├── Unstorable                   the database cannot hold this value
├── ConfigurationError           a setting is missing or wrong; says which
├── WorkspaceError               a path outside the task, a link, a full disk
└── ModelError                   a call to the model did not give a usable answer
    ├── ModelUnreachable         network, timeouts, 5xx, after retries          transport
    ├── ModelRateLimited         429 or 529, after retries                      transport
    ├── ModelMisconfigured       key, money, permission, unknown model          config
    ├── ModelRefused             the model declined                             business
    ├── ModelCutOff              the answer did not fit                         business
    ├── MalformedOutput          not the JSON that was asked for                business
    ├── TurnsExhausted           the agent used every turn it had               business
    ├── LoopDetected             the agent repeats itself, or gets nowhere      loop
    └── SessionLost              the agent process died under us                transport
"""

from typing import Any, ClassVar

from shared.states import FailureKind


class QuintetError(Exception):
    """Root of the tree. `detail` says what is wrong, `remedy` what to do."""

    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, *, remedy: str = "", **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.extra = extra


class RequestError(QuintetError):
    """The caller can mend it; `status` is the HTTP answer, `slug` the stable problem type."""

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-request"
    title = "The request cannot be carried out"

    def __init__(self, detail: str, *, slug: str = "", remedy: str = "", **extra: Any) -> None:
        super().__init__(detail, remedy=remedy, **extra)
        self.problem_slug = slug or self.slug


class InvalidRequest(RequestError):
    """Understood, but not acceptable."""

    status = 422
    slug = "invalid-request"
    title = "The request is not valid"


class TooLarge(RequestError):
    """A body or a file is over its limit."""

    status = 413
    slug = "too-large"
    title = "Too large"


class NotFound(RequestError):
    """There is no such thing, or not for this caller."""

    status = 404
    slug = "not-found"
    title = "Not found"


class Conflict(RequestError):
    """The state has moved on since the caller looked."""

    status = 409
    slug = "conflict"
    title = "The state has changed"


class Busy(RequestError):
    """No room at the moment."""

    status = 503
    slug = "busy"
    title = "Busy"


class DependencyUnavailable(RequestError):
    """PostgreSQL, Redis or the file store cannot be reached."""

    status = 503
    slug = "dependency-unavailable"
    title = "A service that Quintet needs is away"


class TookTooLong(DependencyUnavailable):
    """PostgreSQL is there, but gave up a statement: too dear, or behind somebody's lock."""

    title = "A service that Quintet needs is slow"


class Unstorable(QuintetError):
    """PostgreSQL refused a value; writing it again will not help."""

    title = "A value cannot be stored"


class ConfigurationError(QuintetError):
    """A setting is missing or wrong."""

    title = "Configuration error"


class WorkspaceError(QuintetError):
    """A path that leaves its task's workspace, or a workspace that cannot be written."""

    title = "Workspace error"
    kind: ClassVar[FailureKind] = FailureKind.RESOURCE


class ModelError(QuintetError):
    """A call to the model gave no usable answer; `kind` is how an attempt records it."""

    title = "The model gave no usable answer"
    kind: ClassVar[FailureKind] = FailureKind.TRANSPORT


class ModelUnreachable(ModelError):
    """Network failure, time-out or 5xx, after retries."""


class ModelRateLimited(ModelError):
    """429 or 529, after retries."""


class ModelMisconfigured(ModelError):
    """The key, the account or the model name is wrong: no retry will help."""

    kind = FailureKind.CONFIG


class ModelRefused(ModelError):
    """The model declined to answer."""

    kind = FailureKind.BUSINESS


class ModelCutOff(ModelError):
    """The answer did not fit into the tokens it was allowed."""

    kind = FailureKind.BUSINESS


class MalformedOutput(ModelError):
    """The answer is not the JSON that was asked for."""

    kind = FailureKind.BUSINESS


class TurnsExhausted(ModelError):
    """The agent used all its turns without finishing."""

    kind = FailureKind.BUSINESS


class LoopDetected(ModelError):
    """The agent went on repeating itself, or getting nowhere, after a warning."""

    title = "The agent went in circles"
    kind = FailureKind.LOOP


class SessionLost(ModelError):
    """The agent's own process died."""
