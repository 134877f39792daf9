"""`mixture doctor`: what of this machine works, what does not, and what to do about it."""
