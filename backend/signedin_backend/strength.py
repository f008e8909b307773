"""Whether a key looks as if it was drawn at random; what follows a pattern is weaker than its length says.

No test tells a random key from a clever one. These tell it from what people type, paste from a page or leave in a
template, and by chance they refuse fewer than one random key in a billion.
"""

import re
from collections import Counter
from itertools import pairwise

# What stands in samples, templates and documentation; of four letters or more, for fewer turn up by chance.
_WORDS = re.compile(
    "above|access|admin|auth|backend|base64|before|below|bits|bytes|change|character|company|correct|default|demo"
    "|deploy|development|dummy|edit|enter|environment|example|fill|going|here|hmac|horse|insecure|insert|keyboard|least"
    "|letmein|live|local|long|make|minimum|must|never|password|paste|phrase|placeholder|please|private|production"
    "|qwert|random|refresh|replace|sample|secret|secure|sharedkey|should|sign|some|staging|string|strong|super|test"
    "|that|this|token|update|used|user|valid|value|very|weak|what|which|with|word|your",
    re.IGNORECASE,
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")


def weakness(key: bytes) -> str | None:
    """Return why this key is weaker than 256 bit; None if nothing says that it is."""
    text, bits = _read(key)
    if len(text) * bits < 256:
        return "it is too short"
    if _repeats(text):
        return "it repeats itself"
    if len(set(text)) < (16 if bits > 4 else 8):
        return "it has too few different characters"
    if _runs(text):
        return "it runs along a sequence"
    return "it is made of words" if _is_worded(text) else None


def _read(key: bytes) -> tuple[str, int]:
    """Return the key as text, and how many bits each character is worth at most."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return key.decode("latin-1"), 8
    if text.isascii() and text.isdigit():
        return text, 3
    return text, 4 if set(text.lower()) <= set("0123456789abcdef") else 6


def _repeats(text: str) -> bool:
    parts = [text[start : start + 4] for start in range(len(text) - 3)]
    return len(set(parts)) < 0.75 * len(parts)


def _runs(text: str) -> bool:
    """Tell whether half of the characters lie one step from the last: 0123, zyxw, acegi, or along a keyboard's row."""
    steps = Counter(ord(after) - ord(before) for before, after in pairwise(text))
    typed = sum(before + after in row for before, after in pairwise(text.lower()) for row in _ROWS)
    return 2 * max(*steps.values(), typed) > len(text)


def _is_worded(text: str) -> bool:
    return 4 * sum(map(len, _WORDS.findall(text))) > len(text)
