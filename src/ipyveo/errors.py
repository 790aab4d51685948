"""The error tree: what went wrong, whether it may have cost credits, what to do next."""

from __future__ import annotations


class VeoError(Exception):
    """Anything that goes wrong between two pictures and a saved clip.

    Parameters
    ----------
    message
        One plain sentence: what happened, whether it may have cost credits, what to do.
    maybe_charged
        True if the service may have accepted, and charged for, the request.
    raw
        The service's own words, with the key removed; for a details view, not for the sentence.
    status_code
        The HTTP status of the answer, or None where there was no answer.

    Examples
    --------
    >>> from ipyveo.errors import OutOfCreditsError, VeoError
    >>> try:
    ...     raise OutOfCreditsError("No credits are left; nothing was charged. Top up and try again.")
    ... except VeoError as error:
    ...     print(error.maybe_charged)
    False
    """

    def __init__(
        self,
        message: str,
        *,
        maybe_charged: bool = False,
        raw: str = "",
        status_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.maybe_charged = maybe_charged
        self.raw = raw
        self.status_code = status_code


class FrameError(VeoError, ValueError):
    """The picture cannot be used, or was not found; raised before anything is sent."""


class InvalidRequestError(VeoError):
    """An empty prompt, a wrong ratio or count, or a request that the service calls wrong (400, 422)."""


class AuthenticationError(VeoError):
    """The key is missing, malformed or unknown, in the service's own words."""


class GatewayError(VeoError):
    """An answer that is not the service's own word: no connection, a page of HTML, a redirect, a 5xx."""


class OutOfCreditsError(VeoError):
    """The account has no credits left for this request."""


class RateLimitError(VeoError):
    """Too many requests, beyond what waiting a little can fix.

    Parameters
    ----------
    retry_after
        Seconds until the service will listen again, or None where it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        maybe_charged: bool = False,
        raw: str = "",
        status_code: int | None = None,
    ) -> None:
        super().__init__(message, maybe_charged=maybe_charged, raw=raw, status_code=status_code)
        self.retry_after = retry_after


class ContentRejectedError(VeoError):
    """The prompt, a picture or the generated sound was refused.

    Parameters
    ----------
    reason
        The service's reason without its ``PUBLIC_ERROR_`` prefix, such as ``"PROMINENT_PEOPLE"``.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        maybe_charged: bool = False,
        raw: str = "",
        status_code: int | None = None,
    ) -> None:
        super().__init__(message, maybe_charged=maybe_charged, raw=raw, status_code=status_code)
        self.reason = reason


class GenerationFailedError(VeoError):
    """The service said that the generation failed; it returns the credits."""


class InterruptedGenerationError(VeoError):
    """The line broke after the request was sent: the job may go on, and ``recover()`` finds it."""


class DownloadError(VeoError):
    """The clip was made and paid for, but could not be fetched, or is not a video."""


class BudgetError(VeoError):
    """The request could cost more than the budget allows; nothing was sent."""
