"""From a sound spec to a package: rewritten for openapi-python-client, generated, formatted, tried, swapped in."""
