"""Every byte that crosses the network."""
