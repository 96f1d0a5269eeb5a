"""Contents compressed on the way out."""
