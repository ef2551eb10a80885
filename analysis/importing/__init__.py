"""From other people's files to candles in the store: formats, clocks, cleaning, quality, demo data."""
