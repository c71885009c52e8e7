"""What goes wrong with a request, with the HTTP status and the text that its sender sees.

CoprError
  BadRequest 400
    Invalid        fields that do not fit, each with its messages
  Unauthorized 401
  Forbidden 403
  NotFound 404
  Conflict 409
  TooLarge 413
  WrongType 415
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class CoprError(Exception):
    """Base of all. `text` is for the sender; services raise these whatever face asks."""

    status = 500

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class BadRequest(CoprError):
    """The request makes no sense, or not now."""

    status = 400


class Invalid(BadRequest):
    """Fields that do not fit: their messages by name."""

    def __init__(self, messages: Mapping[str, Sequence[str]]) -> None:
        self.messages = {name: list(texts) for name, texts in messages.items()}
        lines = [f"{name}: {text}" for name, texts in self.messages.items() for text in texts]
        super().__init__("\n".join(lines))

    @property
    def as_parameters(self) -> str:
        """The other form of the text, of requests to build."""
        return f"Bad request parameters: {self.messages}"


class Unauthorized(CoprError):
    """Who asks did not show who it is."""

    status = 401


class Forbidden(CoprError):
    """Who asks may not."""

    status = 403


class NotFound(CoprError):
    """What is asked for is not there."""

    status = 404


class Conflict(CoprError):
    """It cannot be done as long as something else is as it is."""

    status = 409


class TooLarge(CoprError):
    """More than the limit."""

    status = 413


class WrongType(CoprError):
    """A body or file of another kind than is wanted."""

    status = 415
