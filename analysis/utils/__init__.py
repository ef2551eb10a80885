"""The candle store's door; the name is part of the platform's contract."""
