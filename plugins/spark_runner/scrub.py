"""Taking secrets out of text, whatever form they took on the way into it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import TextIO
from urllib.parse import quote, quote_plus

MASK = "***"
# A shorter value stands in so many words that masking it would leave nothing to read.
MIN_LENGTH = 4

_URL = re.compile(
    r"([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^\s/@'\"<>]*@)?([^\s?#'\"<>)]*)(?:[?#][^\s'\"<>)]*)?"
)
# What is left of an address in messages of libraries: `url: /items?token=…`.
_QUERY = re.compile(r"(/[^\s?'\"<>)]*)\?[^\s'\"<>)]*=[^\s'\"<>)]*")
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Scrubber:
    """Knows the secrets of this process; more may be added while it runs."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._public: set[str] = set()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Know these values, too."""
        for secret in secrets:
            # A key of several lines is logged line by line.
            for part in {secret, secret.strip(), *secret.splitlines()}:
                if len(part) >= MIN_LENGTH:
                    self._forms |= _forms(part)
        if self._forms:
            # The longest first: where one form holds another, no rest of it stays visible.
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def keep(self, words: Iterable[str]) -> None:
        """These are public, such as the name of the Integration: they stay where they stand as words.

        A user name is often that of the Integration. To mask it there spoils the command that the
        message shows, and tells whoever knows the name what the secret is. Where a secret is longer
        than the word, or stands outside of it, it is masked as ever.
        """
        self._public |= {word for word in words if word}

    def secrets_only(self, text: str) -> str:
        """The text without the known secrets."""
        if self._pattern is None:
            return text
        parts: list[str] = []
        done = at = 0
        while found := self._pattern.search(text, at):
            if self._within_a_public_word(text, found.start(), found.end()):
                # By one sign only: a longer secret may begin within the word and end beyond it.
                at = found.start() + 1
                continue
            parts += [text[done : found.start()], MASK]
            done = at = found.end()
        return "".join([*parts, text[done:]])

    def _within_a_public_word(self, text: str, start: int, end: int) -> bool:
        for word in self._public:
            begin = text.find(word, max(0, end - len(word)), start + len(word))
            while begin != -1:
                before, after = text[begin - 1 : begin], text[begin + len(word) :][:1]
                if not _joins(before) and not _joins(after):
                    return True
                begin = text.find(word, begin + 1, start + len(word))
        return False

    def __call__(self, text: str) -> str:
        """The text without secrets, without user and query of addresses, without credentials
        in headers."""
        text = self.secrets_only(text)
        text = _URL.sub(r"\1\2", text)
        text = _QUERY.sub(r"\1", text)
        return _AUTHORIZATION.sub(rf"\1 {MASK}", text)


def _joins(sign: str) -> bool:
    """Whether a name would go on with it."""
    return sign.isalnum() or sign in ("-", "_")


def one_line(text: str, limit: int) -> str:
    """Text without control characters, at most `limit` characters, cut with an ellipsis."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {
        secret,
        quote(secret, safe="", errors="replace"),
        quote(secret, errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        raw.hex(),
    }
    # In base64 a secret looks different by its place: after `user:` it begins at any of three
    # offsets. The outer characters depend on the neighbours and are left out.
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * offset + raw).decode()
            start = (0, 2, 3)[offset]
            end = (len(raw) + offset) * 8 // 6
            core = text[start:end]
            if len(core) >= MIN_LENGTH + 2:
                forms.add(core)
    return {form for form in forms if len(form) >= MIN_LENGTH}


class ScrubbedStream:
    """Standard output or error, line by line through the scrubber.

    The one place that everything passes: our log, a library's log, a print of an author, the
    traceback of a thread.
    """

    def __init__(self, stream: TextIO, scrubber: Scrubber) -> None:
        self._stream = stream
        self._scrubber = scrubber
        self._line = ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        if lines:
            self._stream.write("".join(self._scrubber(line) + "\n" for line in lines))
            self._stream.flush()
        if len(self._line) > 64 * 1024:
            # Without a line break this would grow without end.
            self._stream.write(self._scrubber(self._line) + "\n")
            self._line = ""
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def close_line(self) -> None:
        """Write what has no line break yet: the end of the process is one."""
        if self._line:
            self.write("\n")
        self.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:
        return self._stream.encoding

    @property
    def errors(self) -> str | None:
        return self._stream.errors
