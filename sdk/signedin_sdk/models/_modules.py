"""Which module has which model."""

MODULES = {
    "Credentials": "credentials",
    "Error": "error",
    "Profile": "profile",
    "RefreshToken": "refresh_token",
    "TokenPair": "token_pair",
}
