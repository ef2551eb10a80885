"""How far trades went against (MAE <= 0) and for (MFE >= 0) themselves before they ended (Sweeney 1996)."""

from typing import Any

import numpy as np

from analysis.metrics.balance import correlation
from analysis.metrics.plain import mean, ratio
from analysis.metrics.whole_trades import WholeTrades


def excursion_figures(whole: WholeTrades) -> dict[str, Any]:
    """Of trades with a stop; R are multiples of initial risk. Correlations are of account currency, as in the
    MetaTrader 5 report; MAE counts as a negative number there as well.

    `edge_ratio` is the mean MFE over the mean size of MAE, `average_giveback_r` what of its MFE a trade gave back
    before the end (LEAN, "end of trade drawdown").
    """
    mae, mfe = whole.mae_r[np.isfinite(whole.mae_r)], whole.mfe_r[np.isfinite(whole.mfe_r)]
    given_back = whole.mfe_r - whole.pnl_r
    average_mae, average_mfe = mean(mae), mean(mfe)
    mae_money, mfe_money = whole.mae_r * whole.initial_risk, whole.mfe_r * whole.initial_risk
    return {
        "average_mae_r": average_mae,
        "average_mfe_r": average_mfe,
        "largest_mae_r": float(mae.min()) if len(mae) else None,
        "largest_mfe_r": float(mfe.max()) if len(mfe) else None,
        "edge_ratio": None if average_mae is None or average_mfe is None else ratio(average_mfe, -average_mae),
        "average_giveback_r": mean(given_back[np.isfinite(given_back)]),
        "correlation_profit_mfe": correlation(whole.pnl, mfe_money),
        "correlation_profit_mae": correlation(whole.pnl, mae_money),
        "correlation_mfe_mae": correlation(mfe_money, mae_money),
    }
