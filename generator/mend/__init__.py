"""The least that helps against each finding of the linter: what gets another name, loses its type, or is left out."""
