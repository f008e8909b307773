"""What the generator costs, and what it prints: `make bench-generator` writes docs/figures-generator.md."""
