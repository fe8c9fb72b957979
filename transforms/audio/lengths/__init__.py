"""How long tracks are: what their containers claim, and what counting their packets gives."""
