"""`quintet`: hand in tasks and follow them from a terminal."""

from ui.cli.app import main

__all__ = ["main"]
