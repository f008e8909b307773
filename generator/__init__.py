"""Prints the SDK from the spec: `python -m generator lint|generate|check|diff|release`.

`cli` talks to a person; `pipeline` is what the verbs do, step by step; `document` reads the spec; `lint` judges it;
`printable` writes it in the words that openapi-python-client reads; `printer` hands it over with our `templates`;
`verify` tries what came out; `swap` puts it in place.
"""
