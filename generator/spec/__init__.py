"""The spec as data: the document, its operations and schemas, the refresh contract. Reads, decides nothing."""
