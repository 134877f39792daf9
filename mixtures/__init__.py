"""What to draw, how much, in which order, how many tokens; pure: no Ray, no network."""
