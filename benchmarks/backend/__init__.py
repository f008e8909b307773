"""Load on the reference backend by a client in another process, and the figures of docs/backend.md.

`wire` is the client, `stages` what is done with it, `watch` what the server's process and its database hold,
`__main__` the command.
"""
