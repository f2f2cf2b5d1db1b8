"""Chooses split and operating point: the cost of each, and the best."""
