"""Optimisation of fields."""
