"""Which module has which model."""

MODULES: dict[str, str] = {
    "Credentials": "credentials",
    "Error": "error",
    "Profile": "profile",
    "RefreshToken": "refresh_token",
    "TokenPair": "token_pair",
}
