"""Small programs, one idea each, and the demo (`python -m examples.demo`)."""
