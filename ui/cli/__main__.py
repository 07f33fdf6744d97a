"""`python -m ui.cli` is `quintet`."""

from ui.cli.app import main

main()
