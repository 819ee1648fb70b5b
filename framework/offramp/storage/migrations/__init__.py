"""The migrations: `NNNN_what.sql`, and `what_NNNN.py` where rows have to be moved after it."""
