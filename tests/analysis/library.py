"""pandas-ta-classic, which what we compute ourselves is held against."""

import warnings

with warnings.catch_warnings():  # while it is imported the library reads what pandas has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import pandas_ta_classic as ta

__all__ = ["ta"]
