"""What reading an answer raises that the spec does not document."""


class UnexpectedStatus(Exception):
    """The answer is no documented success."""

    def __init__(self, status_code: int, content: bytes):
        self.status_code = status_code
        self.content = content

        # The body may hold tokens: it stands in `content` and in no text that a log would show.
        super().__init__(f"Unexpected status code: {status_code}")

    def __reduce__(self) -> tuple[type["UnexpectedStatus"], tuple[int, bytes]]:
        return type(self), (self.status_code, self.content)


__all__ = ["UnexpectedStatus"]
