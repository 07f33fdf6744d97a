"""Handing in a task: what the form holds, and what fills it in."""
