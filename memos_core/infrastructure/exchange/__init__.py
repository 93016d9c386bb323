"""How memories come in from elsewhere."""
