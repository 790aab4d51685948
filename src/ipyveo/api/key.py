"""The API key: found where people keep it, carried so that it never shows."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import unicodedata

from ipyveo.errors import AuthenticationError

ENVIRONMENT_NAME = "GENAIPRO_API_KEY"
_SHORTEST_SECRET = 8  # a shorter "key" is a word of a rehearsal; blotting it out would garble plain text
_BLOT = "[key]"


class ApiKey:
    """A key that can be sent, and cannot be read by accident.

    It has no ``__dict__``, its ``repr`` shows nothing, and a pickle of it holds nothing: an unpickled
    key is empty, and the next call says so.

    Parameters
    ----------
    text
        The key as pasted: surrounding blanks and a leading ``Bearer`` are removed. Its form is the
        service's business; only control characters, which no header can carry, are refused.

    Raises
    ------
    AuthenticationError
        If nothing is left, or a control character is in it.

    Examples
    --------
    >>> from ipyveo.api.key import ApiKey
    >>> ApiKey(" Bearer abcdefgh ")
    ApiKey(hidden)
    """

    __slots__ = ("__weakref__", "_bearer")

    def __init__(self, text: str) -> None:
        text = _pasted(text)
        if refusal := _refusal(text):
            del text  # a traceback may show the values of this frame
            raise AuthenticationError(refusal)

        def bearer() -> str:
            return f"Bearer {text}"

        self._bearer = bearer

    def bearer(self) -> str:
        """Return the value of the Authorization header."""
        return self._bearer()

    def redact(self, text: str) -> str:
        """Return `text` with the key blotted out: the far side may send back what it was sent."""
        secret = self._bearer().removeprefix("Bearer ")
        if len(secret) < _SHORTEST_SECRET:
            return text
        text = text.replace(secret, _BLOT)
        if "\\" in text:  # JSON can spell every character in another way
            with contextlib.suppress(ValueError, RecursionError):
                value = json.loads(text)
                plain = json.dumps(value, ensure_ascii=False)
                if json.dumps(secret, ensure_ascii=False)[1:-1] in plain:
                    return plain.replace(json.dumps(secret, ensure_ascii=False)[1:-1], _BLOT)
        return text

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def __reduce__(self) -> tuple[type[LostKey], tuple[()]]:
        return (LostKey, ())


def _pasted(text: str) -> str:
    """Return a key as it was meant: without blanks around it and a copied "Bearer"."""
    text = text.strip()
    scheme, _, rest = text.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else text


def _refusal(text: str) -> str:
    """Return why a key cannot be sent, or nothing."""
    if not text:
        return (
            "The API key is empty, so nothing was sent and nothing was charged. Copy the key from your "
            f"account page and give it as api_key=, or set {ENVIRONMENT_NAME}."
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        return (
            "The API key holds a line break or another character that cannot be sent; nothing was sent "
            "and nothing was charged. Copy the key again, in one line."
        )
    return ""


class LostKey(ApiKey):
    """What an unpickled key is: a pickle must not hold a secret."""

    __slots__ = ()

    def __init__(self) -> None:
        def bearer() -> str:
            raise AuthenticationError(
                "This client was copied through a pickle, which never holds the key; nothing was sent and "
                "nothing was charged. Make a new VeoClient where it is used."
            )

        self._bearer = bearer

    def redact(self, text: str) -> str:
        """Return `text`: there is nothing to hide."""
        return text


def find_key(api_key: str | None = None) -> ApiKey | None:
    """Return the key from the argument, the environment or Colab's secrets, or None if there is none.

    Parameters
    ----------
    api_key
        The key itself; None looks for ``GENAIPRO_API_KEY`` in the environment, then for Colab's secret
        of that name.

    Raises
    ------
    AuthenticationError
        If a key was given or found, and cannot be one.
    """
    if api_key is None:
        api_key = os.environ.get(ENVIRONMENT_NAME, "").strip() or _colab_secret()
        if not api_key:
            return None
    try:
        return ApiKey(api_key)
    finally:
        del api_key  # a traceback may show the values of this frame


def _colab_secret() -> str:
    if "google.colab" not in sys.modules:
        return ""
    from google.colab import userdata

    try:
        return str(userdata.get(ENVIRONMENT_NAME) or "").strip()
    except Exception:  # noqa: BLE001 - Colab's classes for "no such secret" and "no access" exist only there
        return ""
