"""What is answered to what cannot be answered, in the shape of OpenAI's errors."""

import msgspec

from autotroph.errors import InputError


class Refused(InputError):
    """A request that gets an error.

    Args:
        message: what, where, what was allowed, and the way out.
        status: the HTTP status.
        code: for programs, such as `model_not_found`.
        param: the field that is wrong, where it is one.
    """

    def __init__(self, message: str, *, status: int, code: str, param: str | None = None) -> None:
        self.status, self.code, self.param = status, code, param
        super().__init__(message)

    def body(self) -> bytes:
        """The document."""
        said = {"message": str(self), "type": "invalid_request_error", "param": self.param, "code": self.code}
        return msgspec.json.encode({"error": said})


def missing(message: str, code: str, param: str | None = None) -> Refused:
    """What is asked for is not there: 404."""
    return Refused(message, status=404, code=code, param=param)


def malformed(message: str, param: str | None = None) -> Refused:
    """The request cannot be taken as it is: 400."""
    return Refused(message, status=400, code="invalid_value", param=param)
