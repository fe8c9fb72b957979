"""Whose turn it is: the order in which waiting jobs are taken."""
