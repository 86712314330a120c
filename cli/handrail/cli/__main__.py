"""`python -m handrail.cli`."""

from handrail.cli.app import main

main()
