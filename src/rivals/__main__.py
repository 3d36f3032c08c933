"""python -m rivals: what torchrun starts."""

from rivals.cli import main

main()
