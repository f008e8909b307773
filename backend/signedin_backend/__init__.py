"""The reference backend: BACKEND.md's contract with stronger promises.

The way of one request: `edge` (ids, hosts, log) → `operations` (one function per operation of `openapi.yaml`) →
`sessions` (what a token may do) → `storage` (every statement). `settings` says what can be configured, `app` puts the
parts together, `__main__` serves them.
"""

from signedin_backend.app import create_app, from_environment
from signedin_backend.settings import Settings, SettingsError

__all__ = ["Settings", "SettingsError", "create_app", "from_environment"]
