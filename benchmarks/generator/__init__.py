"""What the generator costs, and what it generates: `make bench-generator` writes docs/figures-generator.md."""
