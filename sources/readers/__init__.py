"""File formats that several upstreams share, read in ranges and within bounded memory."""
