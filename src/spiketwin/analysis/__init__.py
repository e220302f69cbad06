"""Analysis: trials and simulations -> tidy tables."""
