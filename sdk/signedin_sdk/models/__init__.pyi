"""Contains all the data models used in inputs/outputs"""

from .credentials import Credentials
from .error import Error
from .profile import Profile
from .refresh_token import RefreshToken
from .token_pair import TokenPair

__all__ = (
    "Credentials",
    "Error",
    "Profile",
    "RefreshToken",
    "TokenPair",
)
