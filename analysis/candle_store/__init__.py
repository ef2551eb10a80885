"""Candles on disk: one folder per symbol, one Parquet file per year. `analysis.utils.data_processor` is the
door."""
