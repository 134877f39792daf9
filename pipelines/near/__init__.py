"""Near duplicates: what is kept of a medium to find its copies, how they are found and verified."""
