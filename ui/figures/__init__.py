"""Figures of agents and the system, and the charts that show them."""
