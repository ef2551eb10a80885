"""What strategies write about a window, and a good deal of what pandas has beyond it.

`df` is the window. The columns: open, high, low, close, fast, slow (float64, `fast` begins with gaps), tick_volume
(int64), spread (int32).
"""

VALUES = """
df["close"].iloc[-1]
df["close"].iloc[-2]
df["close"].iloc[0]
df["close"].iloc[3]
df["tick_volume"].iloc[-1]
df["spread"].iloc[-2]
df["fast"].iloc[0]
df["close"].iloc[-len(df)]
df["close"].iloc[-len(df) - 1]
df["close"].iloc[len(df)]
df["close"].iloc[-1000]
df["close"].iloc[True]
df["close"].iloc[1.0]
df["close"].iloc["a"]
df["close"].iloc[np.int64(-1)]
df["close"].iloc[(-1,)]
df["close"].iloc[-1,]
df["close"].iloc[[0, -1]]
df["close"].iloc[np.array([True] * len(df))]
df["close"].iloc[lambda x: -1]
df["close"].iloc[...]
df["close"].iloc[None]
df["close"].iloc()[-1]
df["close"].iloc(axis=0)[-1]
df.close.iloc[-1]
df.close.iloc[-2]
df.fast.iloc[-1]
df.nothing.iloc[-1]
df["nothing"].iloc[-1]
df["nothing"]
df.nothing
df[["close"]].iloc[-1]
df[0]
df[None]
df[["close", "nothing"]]
df["close"].values[-1]
df["close"].values[-2]
df.close.values[-1]
df["close"].values[-1000]
df["close"].values
df["close"].values[-5:]
df["tick_volume"].values
df["close"].to_numpy()[-1]
df.close.to_numpy()[-1]
df["close"].to_numpy()[-7:]
df["close"].to_numpy()
df["close"].to_numpy(dtype="float32")
df["close"].to_numpy(copy=True)
df["close"].to_numpy(float)
df["fast"].to_numpy(na_value=0.0)
df["close"].array[-1]
df["close"].to_list()
df["close"].tolist()
list(df["close"])
np.asarray(df["close"])
np.array(df["close"])
np.asarray(df["close"], dtype=int)
np.array(df["close"], copy=None)
np.asarray(df["close"], copy=False)
np.asarray(df["close"], dtype=np.float32)
np.asarray(df)
np.array(df, dtype=float)
df.values
df.to_numpy()
df.to_numpy()[-1]
df.to_numpy()[-1, 3]
df.values[-1]
df.index[-1]
df.index[-2]
df.index[0]
df.index[-1000]
df.index[-1].hour
df.index[-1].timestamp()
df.index[-1].isoformat()
df.index[-3:]
df.index
df.index.values
df.index.to_numpy()[-1]
df.index.hour[-1]
df.index.asi8
df.index.name
df.index.names
df.index.tz
df.index.freq
df.index.dtype
df.index.size
df.index.is_monotonic_increasing
df.index.get_loc(df.index[3])
df.index.max() - df.index.min()
df.index[-1] - df.index[-2]
df.index.is_(df["close"].index)
df.index is df.index
df.axes
len(df)
len(df.index)
len(df["close"])
len(df.columns)
df.shape
df.shape[0]
df.size
df.ndim
df.empty
df.columns
df.columns.tolist()
list(df)
list(df.columns)
[name for name in df]
"close" in df
"nothing" in df
"close" in df.columns
df.keys()
df.dtypes
df.dtypes["close"]
df["close"].dtype
df["close"].dtypes
df["close"].name
df["close"].shape
df["close"].size
df["close"].ndim
df["close"].empty
df["close"].index[-1]
df["close"].index
df["close"].index[-1000]
df["close"].nbytes
df["close"].hasnans
df["fast"].hasnans
df["close"].is_unique
df["close"].is_monotonic_increasing
df["close"].axes
df["close"].T
df["close"].attrs
df.attrs
df.flags.allows_duplicate_labels
df["close"].flags.allows_duplicate_labels
isinstance(df, pd.DataFrame)
isinstance(df["close"], pd.Series)
isinstance(df.iloc[-1], pd.Series)
type(df).__name__
type(df).__qualname__
type(df).__module__
type(df["close"]).__name__
type(df.iloc[-1]).__name__
bool(df)
bool(df["close"])
hash(df)
df is None
df == None
float(df["close"].iloc[-1])
float(df["close"])
int(df["close"].iloc[-1:].item())
repr(df)
str(df.tail(3))
repr(df["close"])
str(df["close"].iloc[-3:])
repr(df.iloc[-1])
f"{df['close'].iloc[-1]:.5f}"
df.to_string()
df._repr_html_()
df.memory_usage(index=False)
df.info(buf=io.StringIO())
df.at[df.index[-1], "close"]
df.at[df.index[-1], "nothing"]
df.iat[-1, 3]
df.iat[0, 0]
df.iat[-1000, 0]
df["close"].iat[-1]
df["close"].at[df.index[-1]]
df.loc[df.index[-1], "close"]
df.loc[df.index[-1]]
df.loc[df.index[-1]]["close"]
df.loc[df.index[-3]:]
df.loc[df.index[-3]:, "close"]
df.loc[df.index[-3]:, ["close", "open"]]
df.loc[df["close"] > df["open"]]
df.loc[df["close"] > df["open"], "high"]
df.loc[:, "close"]
df.loc["2000-01-01"]
df.at[df.index[3], "tick_volume"]
df.at[df.index[-1], "side"]
df.at[df.index[-1] + pd.Timedelta("1h"), "close"]
df.at[df.index[-1] - pd.Timedelta("1s"), "close"]
df.at[df.index[0] - pd.Timedelta("1min"), "close"]
df.at[df.index[-1].tz_convert("Europe/Berlin"), "close"]
df.at[df.index[-1].as_unit("ns"), "close"]
df.at[df.index[-1].tz_localize(None), "close"]
df.at[df.index[-1].to_pydatetime(), "close"]
df.at["2024-01-01", "close"]
df.at[df.index[-1]]
df.at[pd.NaT, "close"]
df.loc[pd.NaT, "close"]
df.loc[df.index[0], "spread"]
df.loc[df.index[0] - pd.Timedelta("1min"), "close"]
df.loc[df.index[-1].tz_convert("Europe/Berlin"), "close"]
df.loc[df.index[-1], "nothing"]
df.loc[(df.index[-1], "close")]
df.loc(axis=0)[df.index[-1]]
df.iat[-1, -1]
df.iat[3, -2]
df.iat[-1, 99]
df.iat[-1, -99]
df.iat[99, 0]
df.iat[0]
df.iat[True, 0]
df.iat[-1, np.int64(3)]
df.iat["a", 0]
df.loc[df.index[-1].isoformat()]
df["close"].loc[df.index[-1]]
df["close"].loc[df.index[-3]:]
df["close"][df.index[-1]]
df["close"][-1]
df["close"][0]
df["close"][-3:]
df["close"][:3]
df["close"][df["close"] > df["open"]]
df["close"].get(df.index[-1])
df["close"].get("nothing")
df.get("close")
df.get("nothing")
df.get("nothing", 7)
df.close
df["close"]
df["open"]
df["tick_volume"]
df["spread"]
df["fast"]
df[["open", "close"]]
df[["close"]]
df[df.columns[:2]]
df[df["close"] > df["open"]]
df[(df["close"] > df["open"]) & (df["fast"].notna())]
df[-5:]
df[:5]
df[::2]
df[df.index[-4]:]
df[df.index[-1].date().isoformat():]
df.isin([1.0])
df.head()
df.head(3)
df.head(-3)
df.tail()
df.tail(1)
df.tail(3)
df.tail(0)
df.tail(-3)
df.tail(1000)
df.tail(3)["close"].iloc[-1]
df.tail(3).iloc[0]["close"]
df.tail(3).close.max()
df.tail(2).index[-1]
df.tail(3)["close"].values
df.tail(5).mean()
list(df.tail(5).itertuples())
list(df.tail(2).itertuples(index=False, name=None))
[row.close for row in df.tail(5).itertuples()]
[row["close"] for _, row in df.tail(5).iterrows()]
[(name, column.iloc[-1]) for name, column in df.items()]
list(df.itertuples())[-1].Index
"""

ROWS = """
df.iloc[-1]
df.iloc[-2]
df.iloc[0]
df.iloc[3]
df.iloc[-len(df)]
df.iloc[-len(df) - 1]
df.iloc[len(df)]
df.iloc[-1000]
df.iloc[-1]["close"]
df.iloc[-1]["tick_volume"]
df.iloc[-1]["nothing"]
df.iloc[-1000]["close"]
df.iloc[-1].close
df.iloc[-1].tick_volume
df.iloc[-1].nothing
df.iloc[-1].name
df.iloc[-2].name
df.iloc[-1].index
df.iloc[-1].values
df.iloc[-1].to_dict()
df.iloc[-1].to_numpy()
df.iloc[-1].tolist()
df.iloc[-1].dtype
df.iloc[-1].shape
len(df.iloc[-1])
list(df.iloc[-1])
dict(df.iloc[-1])
df.iloc[-1][0]
df.iloc[-1][["open", "close"]]
df.iloc[-1].iloc[0]
df.iloc[-1].iloc[-1]
df.iloc[-1].loc["close"]
df.iloc[-1].at["close"]
df.iloc[-1].get("close")
df.iloc[-1].get("nothing", 3.0)
df.iloc[-1].max()
df.iloc[-1].isna().any()
df.iloc[-1] - df.iloc[-2]
df.iloc[-1] > df.iloc[-2]
df.iloc[-1]["close"] - df.iloc[-2]["close"]
df.iloc[-1].close > df.iloc[-2].close
(lambda row, before: row["fast"] > row["slow"] and before["fast"] <= before["slow"])(df.iloc[-1], df.iloc[-2])
(lambda row: (row.open, row.high, row.low, row.close, row["spread"]))(df.iloc[-1])
"close" in df.iloc[-1]
[k for k, v in df.iloc[-1].items()]
df.iloc[-1:]
df.iloc[-2:]
df.iloc[-5:-2]
df.iloc[2:5]
df.iloc[5:2]
df.iloc[:]
df.iloc[:-1]
df.iloc[-1000:]
df.iloc[1000:]
df.iloc[:0]
df.iloc[::2]
df.iloc[::-1]
df.iloc[-1:-4:-1]
df.iloc[np.int64(-3):]
df.iloc[True:]
df.iloc["a":]
df.iloc[1.5:]
df.iloc[[0, 2, -1]]
df.iloc[[-1]]
df.iloc[-1, 3]
df.iloc[-1, :]
df.iloc[-3:, 0]
df.iloc[-3:, [0, 3]]
df.iloc[:, 3]
df.iloc[:, -1].iloc[-1]
df.iloc[:, 1:3]
df.iloc[-1, 99]
df.iloc[True]
df.iloc[1.0]
df.iloc["close"]
df.iloc[None]
df.iloc[np.int64(-1)]
df.iloc[np.array([True] * len(df))]
df.iloc[lambda x: [0, -1]]
df.iloc()[-1]
df.iloc(axis=0)[-1]
df.iloc.obj
df.iloc.name
df.iloc.ndim
df.iloc[-2:]["close"]
df.iloc[-2:]["close"].iloc[0]
df.iloc[-3:].close.mean()
df.iloc[-20:]["high"].max()
df.iloc[-20:].high.max()
df.iloc[-20:].max()
df.iloc[:-1]["close"].iloc[-1]
df.iloc[:-1].tail(2)
df.iloc[-2:].index[0]
df.iloc[-3:].to_dict("records")
df.xs(df.index[-1])
df.take([0, -1])
df.sample(3, random_state=1)
df.squeeze()
df.tail(1).squeeze()
df.tail(1).iloc[0]
df.first_valid_index()
df.last_valid_index()
next(df.iterrows())[1]
"""

COLUMNS = """
df["close"].iloc[-5:]
df["close"].iloc[:5]
df["close"].iloc[-20:-1]
df["close"].iloc[-1:]
df["close"].iloc[:0]
df["close"].iloc[5:2]
df["close"].iloc[::-1]
df["close"].iloc[::2]
df["close"].iloc[-1000:1000]
df["close"].iloc[-5:].iloc[-1]
df["close"].iloc[-5:].iloc[:2]
df["close"].iloc[-5:].iloc[:2].index
df["close"].iloc[-5:].iloc[0]
df["close"].iloc[-5:].iloc[7]
df["close"].iloc[-5:].index
df["close"].iloc[-5:].values
df["close"].iloc[-5:].values[-1]
df["close"].iloc[-5:].tail(2)
df["close"].iloc[-5:].mean()
df["close"].iloc[-5:].std()
df["close"].iloc[-5:].item()
df["close"].iloc[-1:].item()
df["close"].head()
df["close"].head(2)
df["close"].head(0)
df["close"].head(-2)
df["close"].tail()
df["close"].tail(2)
df["close"].tail(0)
df["close"].tail(-2)
df["close"].tail(n=3)
df["close"].tail(1000)
df["close"].tail(2.0)
df["close"].tail("a")
df["close"].tail(np.int64(3))
df["close"].tail(True)
df["close"].tail(20).max()
df["close"].max()
df["close"].min()
df["close"].sum()
df["close"].mean()
df["close"].std()
df["close"].var()
df["close"].median()
df["close"].count()
df["close"].prod()
df["fast"].max()
df["fast"].min()
df["fast"].sum()
df["fast"].mean()
df["fast"].max(skipna=False)
df["fast"].mean(skipna=False)
df["fast"].sum(min_count=1000)
df["fast"].iloc[:2].sum()
df["fast"].iloc[:2].mean()
df["fast"].iloc[:2].max()
df["close"].iloc[:0].max()
df["close"].iloc[:0].min()
df["close"].iloc[:0].sum()
df["close"].iloc[:0].mean()
df["tick_volume"].max()
df["tick_volume"].sum()
df["tick_volume"].mean()
df["spread"].max()
df["spread"].sum()
df["spread"].mean()
df["close"].max(axis=0)
df["close"].max(axis=1)
df["close"].max(numeric_only=True)
df["close"].mean(axis="index")
df["high"].iloc[-20:].max()
df["low"].iloc[-20:].min()
df["high"].iloc[-21:-1].max()
df["high"].values[-20:].max()
max(df["high"])
sum(df["tick_volume"])
min(df["low"].iloc[-3:])
sorted(df["close"])[:2]
np.mean(df["close"])
np.max(df["high"].iloc[-5:])
np.std(df["close"])
np.log(df["close"])
np.diff(df["close"])
np.where(df["close"] > df["open"], 1, -1)
np.maximum(df["open"], df["close"])
np.isnan(df["fast"])
np.isnan(df["fast"].iloc[-1])
np.polyfit(np.arange(5), df["close"].iloc[-5:], 1)
np.argmax(df["high"])
np.sum(df["close"])
np.median(df["close"].values)
np.percentile(df["close"], 20)
np.corrcoef(df["open"], df["close"])
np.sqrt(df[["open", "close"]])
df["close"].idxmax()
df["close"].idxmin()
df["close"].argmax()
df["close"].nlargest(2)
df["close"].rank().iloc[-1]
df["close"].quantile(0.25)
df["close"].describe()
df["close"].mode()
df["close"].skew()
df["close"].kurt()
df["close"].sem()
df["close"].autocorr()
df["close"].corr(df["open"])
df["close"].cov(df["open"])
df["close"].abs()
df["close"].round(2)
df["close"].shift(1).iloc[-1]
df["close"].shift(1)
df["close"].shift(-1)
df["close"].shift(1, freq="min")
df["close"].diff().iloc[-1]
df["close"].diff()
df["close"].pct_change().iloc[-1]
df["close"].pct_change()
df["close"].cumsum()
df["close"].cummax()
df["close"].cumprod()
df["close"].clip(1.0, 1.05)
df["close"].rolling(5).mean().iloc[-1]
df["close"].rolling(5).mean()
df["close"].rolling(5).std().iloc[-1]
df["close"].rolling(5).max()
df["close"].rolling("5min").mean()
df["close"].rolling(5).apply(np.mean, raw=True)
df["close"].rolling(5).corr(df["open"])
df["close"].expanding().mean().iloc[-1]
df["close"].ewm(span=5).mean().iloc[-1]
df["close"].ewm(span=5, adjust=False).mean()
df["close"].resample("5min").last()
df["close"].resample("5min").ohlc()
df["close"].between(1.0, 1.05)
df["close"].isna().any()
df["fast"].isna().sum()
df["fast"].isna()
df["fast"].notna().all()
df["fast"].dropna()
df["fast"].dropna().iloc[0]
df["fast"].fillna(0.0)
df["fast"].bfill()
df["fast"].ffill()
df["fast"].interpolate()
df["fast"].first_valid_index()
df["fast"].isnull().any()
pd.isna(df["fast"].iloc[0])
pd.isna(df["fast"]).any()
pd.isna(df).any().any()
pd.notna(df.iloc[-1]["fast"])
df["close"] > df["open"]
df["close"] >= 1.0
df["close"] == df["close"]
df["close"] != df["open"]
df["close"] - df["open"]
df["close"] + 1
1 + df["close"]
df["close"] * df["tick_volume"]
df["close"] / df["open"] - 1
df["close"] // 1
df["close"] % 1
df["close"] ** 2
-df["close"]
+df["close"]
abs(df["close"] - df["open"])
~(df["close"] > df["open"])
(df["close"] > df["open"]) & (df["high"] > df["low"])
(df["close"] > df["open"]).iloc[-1]
(df["close"] > df["open"]).any()
(df["close"] > df["open"]).all()
(df["close"] > df["open"]).sum()
(df["fast"] > df["slow"]).astype(int).diff().iloc[-1]
((df["fast"] > df["slow"]) & (df["fast"].shift(1) <= df["slow"].shift(1))).iloc[-1]
(df["high"] + df["low"] + df["close"]) / 3
df["close"].iloc[-1] > df["open"].iloc[-1]
df["close"].iloc[-1] - df["close"].iloc[-2]
df["high"].iloc[-2:].max() - df["low"].iloc[-2:].min()
df["close"].gt(df["open"])
df["close"].sub(df["open"])
df["close"].add(1, fill_value=0)
df["close"].dot(df["open"])
df["close"] @ df["open"]
df["close"].equals(df["close"])
df["close"].combine(df["open"], max)
df["close"].where(df["close"] > df["open"])
df["close"].mask(df["close"] > df["open"], 0.0)
df["close"].apply(lambda value: value * 2)
df["close"].map(str)
df["close"].map({})
df["close"].agg(["min", "max"])
df["close"].agg("mean")
df["close"].transform("abs")
df["close"].pipe(len)
df["close"].astype(int)
df["close"].astype("float32")
df["close"].astype(str)
df["close"].copy()
df["close"].copy(deep=False)
df["close"].rename("c")
df["close"].to_frame()
df["close"].to_dict()
df["close"].reset_index()
df["close"].reset_index(drop=True)
df["close"].sort_values()
df["close"].sort_index(ascending=False)
df["close"].searchsorted(1.0)
df["close"].value_counts(bins=2)
df["close"].unique()
df["close"].nunique()
df["close"].duplicated().any()
df["close"].items()
list(df["close"].items())[-1]
[value for value in df["close"]][-1]
list(zip(df["open"], df["close"]))[-1]
list(reversed(df["close"].tolist()))
list(enumerate(df["close"]))[-1]
df["close"].dt
df["close"].str
df["close"].cat
df["close"].plot is None
df["close"].nothing
df["close"].iloc[-1].nothing
df["close"].truncate(before=df.index[3])
df["close"].at_time("00:05")
df["close"].asof(df.index[4])
df["close"].tz_convert("Europe/Berlin")
df["close"].groupby(df["close"] > df["open"]).mean()
df["close"].explode()
df["close"].squeeze()
df["close"].to_json()
df["close"].to_csv()
df["close"].__array__()
df["close"].__array__(np.float32)
df["close"].ravel
df["close"].view
df["close"].is_monotonic_decreasing
df["close"].values.flags.writeable
df["close"].to_numpy().flags.writeable
df["close"].iloc[-3:].values.flags.writeable
np.asarray(df["close"]).flags.writeable
df.values.flags.writeable
df["close"].to_numpy(copy=True).flags.writeable
"""

FRAMES = """
df
df.copy()
df.copy(deep=False)
copy.copy(df)
copy.deepcopy(df)
pickle.loads(pickle.dumps(df))
copy.copy(df["close"])
copy.deepcopy(df["close"])
pickle.loads(pickle.dumps(df["close"]))
copy.copy(df.iloc[-1])
copy.deepcopy(df.iloc[-1])
pickle.loads(pickle.dumps(df.iloc[-1]))
pickle.loads(pickle.dumps(df["close"].iloc[-3:]))
pd.DataFrame(df)
pd.DataFrame(df, columns=["close"])
pd.DataFrame({"a": df["close"], "b": df["open"] * 2})
pd.DataFrame([df.iloc[-1], df.iloc[-2]])
pd.Series(df["close"])
pd.Series(df["close"], name="c")
pd.Series(df["close"].values)
pd.Series(df["close"].values, index=df.index)
pd.Series(df.iloc[-1])
pd.concat([df, df])
pd.concat([df.tail(2), df.head(2)])
pd.concat([df["close"], df["open"]], axis=1)
pd.concat([df["close"], df["open"].rename("o")], axis=1).iloc[-1]
pd.merge(df, df[["close"]], left_index=True, right_index=True)
pd.cut(df["close"], 3)
pd.qcut(df["close"], 3).iloc[-1]
pd.to_numeric(df["close"])
pd.to_datetime(df.index)
pd.crosstab(df["close"] > df["open"], df["high"] > df["low"])
df.max()
df.min()
df.mean()
df.sum()
df.std()
df.median()
df.count()
df.describe()
df.corr()
df.cov()
df.quantile(0.5)
df.nunique()
df.idxmax()
df.abs()
df.round(3)
df.diff()
df.diff().iloc[-1]
df.shift(1)
df.shift(1).iloc[-1]["close"]
df.pct_change()
df.cumsum()
df.rolling(3).mean()
df.rolling(3).mean().iloc[-1]
df.rolling(3)["close"].mean().iloc[-1]
df.ewm(span=3).mean()
df.expanding().max()
df.resample("5min").agg({"open": "first", "high": "max", "low": "min", "close": "last"})
df.resample("5min").last()
df.asfreq("min")
df.isna().any()
df.isna().any().any()
df.isna().sum()
df.notna().all(axis=1).iloc[-1]
df.dropna()
df.dropna(subset=["fast"]).iloc[0]
df.fillna(0)
df.ffill()
df.interpolate()
df.drop(columns=["open"])
df.drop(columns=["nothing"])
df.drop(df.index[0])
df.rename(columns={"close": "c"})
df.rename(columns=str.upper)
df.add_prefix("x_")
df.assign(mid=(df["high"] + df["low"]) / 2)
df.assign(mid=lambda x: x["close"] * 2)["mid"].iloc[-1]
df.eval("close - open")
df.eval("mid = (high + low) / 2")
df.query("close > open")
df.query("close > @df.open")
df.filter(["open", "close"])
df.filter(like="o")
df.select_dtypes("number")
df.select_dtypes("int64")
df.sort_values("close")
df.sort_index(ascending=False)
df.nlargest(2, "close")
df.reset_index()
df.reset_index(drop=True)
df.reset_index()["close"].iloc[-1]
df.set_index("close")
df.reindex(df.index[::-1])
df.reindex(columns=["close", "new"])
df.set_axis(range(len(df)), axis=0)
df.T
df.T.iloc[:, -1]
df.transpose()
df.stack()
df.melt().tail(2)
df.pivot_table(values="close", index=df.index.hour)
df.groupby(df.index.minute % 5)["close"].mean()
df.groupby("spread").size()
df.groupby(df["close"] > df["open"]).agg({"close": "mean", "high": "max"})
df.apply(np.max)
df.apply(lambda row: row["close"] - row["open"], axis=1)
df.apply(lambda column: column.iloc[-1])
df.map(lambda value: value * 2)
df.agg({"close": "mean", "high": "max"})
df.agg(["min", "max"])
df.pipe(lambda frame: frame["close"].iloc[-1])
df.transform(lambda column: column - column.mean())
df.where(df > 1)
df.mask(df > 1)
df.clip(1.0, 1.1)
df > 1
df == df
df + df
df - df.shift(1)
df * 2
2 * df
-df
df / df.iloc[0]
df - df.mean()
df.sub(df["open"], axis=0)
df.add(1)
df.mul(df["close"], axis="index")
df.dot(df.T).shape
df @ df.T
df.equals(df.copy())
df.equals(df)
df.compare(df.copy())
df.align(df.tail(2))[0]
df.combine_first(df.tail(2))
df.join(df[["close"]], rsuffix="_2")
df.insert
df.astype(float)
df.astype({"tick_volume": float})
df.astype("float32")
df.convert_dtypes()
df.infer_objects()
df.to_dict()
df.to_dict("list")
df.to_dict("records")[-1]
df.to_records()[-1].tolist()
df.to_json()
df.to_csv()
df.between_time("00:01", "00:10")
df.at_time("00:05")
df.truncate(after=df.index[5])
df.tz_convert("Europe/Berlin")
df.tz_localize(None)
df.to_period("h")
df.duplicated().sum()
df.drop_duplicates()
df.sample(frac=0.5, random_state=2)
df.rank().iloc[-1]
df.mode().shape
df.skew()
df.any()
df.all()
df.prod()
df.sem()
df.bool
df.nothing_at_all
df._nothing
df.__nothing__
df.stack().iloc[-1]
df.swaplevel()
df.explode("close")
df.style is None
df.attrs
df.iloc[-3:].apply(sum)
df._mgr.nblocks >= 1
df._mgr.shape
df._is_view
df.__len__()
df.__contains__("close")
df.__getitem__("close")
df.__array__()
df.__sizeof__() > 0
hasattr(df, "close")
{n for n in dir(df) if n[0] != "_"}
{n for n in dir(df["close"]) if n[0] != "_"}
{n for n in dir(df.iloc[-1]) if n[0] != "_"}
hasattr(df, "nothing")
hasattr(df, "_mgr")
getattr(df, "close").iloc[-1]
getattr(df, "nothing", 5)
vars(df).keys() >= set()
operator.attrgetter("close")(df)
operator.itemgetter("close")(df)
operator.length_hint(df)
copy.copy(df)["close"].iloc[-1]
[(last := df.iloc[-1]), last["open"], last["close"]][1:]
[(c := df["close"]), c.iloc[-1], c.iloc[-2], c.mean(), c.iloc[-1]][1:]
[df["close"].iloc[-1], df.copy() is None, df["close"].iloc[-1], df.index[-1], len(df)]
[df.index[-1], df._mgr is None, df.index[-1], df.iloc[-1]["close"], df.close.values[-1]]
df.to_xarray
df.swapaxes
df.lookup
df.append
df.ix
df.iteritems
df.first("5min")
df.last("5min")
df.applymap(abs)
df.fillna(method="ffill")
df.backfill()
df["close"].append
df["close"].first("5min")
df.groupby(level=0).last()
"""

# Bodies of a function of `df` that write.
WRITES = """
df["new"] = 1.0; return df
df["new"] = df["close"] * 2; return df["new"].iloc[-1], df
df["new"] = df["close"].rolling(3).mean(); return df.iloc[-1], df["new"].iloc[-1], df.new.iloc[-1], df.iloc[-1]["new"]
df["close"] = 1.0; return df["close"].iloc[-1], df.close.iloc[-1], df.iloc[-1], df.iloc[-1]["close"]
df["close"] = df["close"].round(1); return df["close"].iloc[-1], df.close.values[-1], df.tail(2)
df["close"].iloc[-1]; df["close"] = 5; return df["close"].iloc[-1], df["close"].dtype
df.close = 2.0; return df["close"].iloc[-1], df
df.new = 2.0; return df.new, df
df.loc[:, "close"] = 1.0; return df
df.loc[df.index[-1], "close"] = 9.0; return df["close"].iloc[-1], df.iloc[-1]["close"], df
df.loc[df.index[-1], "note"] = 1.0; return df
df.loc[df["close"] > df["open"], "close"] = 0.0; return df
df.iloc[-1, 3] = 9.0; return df["close"].iloc[-1], df
df.iloc[-1] = 0.0; return df.iloc[-1], df
df.iloc[-3:, 0] = 0.0; return df
df.at[df.index[-1], "close"] = 9.0; return df["close"].iloc[-1]
df.iat[-1, 3] = 9.0; return df["close"].iloc[-1]
df.at[df.index[-1], "new"] = 9.0; return df
a = df.at; l = df.loc; i = df.iat; t = df.index[-1]; df["close"] = 0.0; return a[t, "close"], l[t, "close"], i[-1, 3]
a = df.at; a[df.index[-1], "close"] = 2.0; return a[df.index[-1], "close"], df.loc[df.index[-1], "close"], df
df.values[-1, 0] = 3.0; return df
df.to_numpy()[-1, 0] = 3.0; return df
df["close"].values[-1] = 3.0; return df
df["close"].to_numpy()[-1] = 3.0; return df
np.asarray(df["close"])[-1] = 3.0; return df
np.asarray(df)[-1] = 3.0; return df
df.index.values[-1] = 0; return df
df.index.asi8[-1] = 0; return df.index[-1], df
df["close"].to_numpy(copy=True)[-1] = 3.0; return df
c = df["close"]; c.iloc[-1] = 9.0; return c, df
c = df["close"]; c.iloc[-3:] = 9.0; return c, c.iloc[-1], df
c = df["close"]; c[df.index[-1]] = 9.0; return c, df
c = df["close"]; c.loc[df.index[-1]] = 9.0; return c.iloc[-1], df
c = df["close"]; c.name = "c"; return c, df
c = df["close"]; c.index = range(len(c)); return c, df.index[-1]
c = df["close"]; c.index.name = "t"; return c.index.name, df.index.name, df["open"].index.name
c = df["close"]; c.attrs["a"] = 1; return c.attrs, df.attrs, df["close"].attrs
c = df["close"]; c += 1; return c, df
c = df["close"].copy(); c += 1; return c.iloc[-1], df["close"].iloc[-1]
c = df["close"].iloc[-3:]; c.iloc[0] = 7.0; return c, df
c = df["close"].iloc[-3:]; c *= 2; return c, df
c = df["close"]; d = c.iloc[-3:]; c.iloc[-1] = 7.0; return c.iloc[-1], d.iloc[-1], df["close"].iloc[-1]
c = df["close"]; d = df["close"]; c.iloc[-1] = 7.0; return c.iloc[-1], d.iloc[-1]
c = df["close"]; df["close"] = 0.0; return c.iloc[-1], df["close"].iloc[-1]
c = df["close"]; df.iloc[-1, 3] = 0.0; return c.iloc[-1], df["close"].iloc[-1]
c = df["close"]; df.loc[df.index[-1], "close"] = 0.0; return c, df
c = df["close"]; i = c.iloc; c.iloc[-1] = 7.0; return i[-1], c.iloc[-1]
i = df.iloc; df["close"] = 0.0; return i[-1], i[-1]["close"], i[-2:]
i = df["close"].iloc; df["close"] = 0.0; return i[-1]
r = df.iloc[-1]; r["close"] = 7.0; return r, r["close"], r.close, df
r = df.iloc[-1]; r.close = 7.0; return r, r["close"], df
r = df.iloc[-1]; r["new"] = 7.0; return r, r["new"], df
r = df.iloc[-1]; r.name = "x"; return r, r.name
r = df.iloc[-1]; r.iloc[0] = 7.0; return r, r.open, df
r = df.iloc[-1]; r.values[0] = 7.0; return r, df
r = df.iloc[-1]; df["close"] = 0.0; return r["close"], df.iloc[-1]["close"]
r = df.iloc[-1]; del r["close"]; return r, len(r)
r = df.iloc[-1]; r.index.name = "q"; return r.index.name, df.columns.name
p = df.iloc[-3:]; p["close"] = 0.0; return p, df
p = df.iloc[-3:]; p.loc[p.index[0], "close"] = 0.0; return p, df
p = df.tail(3); p["new"] = 1.0; return p, df
p = df.tail(3).copy(); p.iloc[-1, 0] = 1.0; return p, df
p = df[["open", "close"]]; p["open"] = 1.0; return p, df
p = df.copy(deep=False); p["close"] = 0.0; return p, df
p = df.copy(); p["close"] = 0.0; p["new"] = 1; return p, df
df.index.name = "t"; return df.index.name, df["close"].index.name, df.tail(2), df
df.index.name = "t"; df["a"] = 1; return df.index.name, df
df.columns.name = "cols"; return df.columns.name, df.tail(2), df
df.index = range(len(df)); return df.index[-1], df["close"].index[-1], df
df.columns = list("abcdefgh"); return df["a"].iloc[-1], df.a.iloc[-1], df
df.columns = list("abcdefgh"); return df["close"].iloc[-1]
df.columns = list("abcdefgh"); return df.close
df.attrs["a"] = 1; return df.attrs, df["close"].attrs, df.tail(1).attrs
df.attrs = {"b": 2}; return df.attrs, df.copy().attrs
df.flags.allows_duplicate_labels = False; return df.flags.allows_duplicate_labels, df
del df["open"]; return df, list(df)
del df["open"]; return df["open"].iloc[-1]
del df["open"]; return df.iloc[-1]["open"]
del df["open"]; return df.open
del df["nothing"]
del df.close
del df.nothing
x = df.pop("open"); return x, df
return df.pop("close")
df.drop(columns="open", inplace=True); return df, df.iloc[-1]
df.drop(df.index[0], inplace=True); return len(df), df.shape, df.index[0], df["close"].iloc[0], df.iloc[0]
df.drop(df.index[-1], inplace=True); return len(df), df.index[-1], df["close"].iloc[-1], df.iloc[-1]["close"]
df.dropna(inplace=True); return df, len(df), df["close"].iloc[0]
df.fillna(0.0, inplace=True); return df
df.rename(columns={"close": "c"}, inplace=True); return df.c.iloc[-1], df
df.sort_values("close", inplace=True); return df.index[-1], df["close"].iloc[-1], df
df.sort_index(ascending=False, inplace=True); return df.index[-1], df["close"].iloc[-1], df.iloc[-1]["close"]
df.reset_index(inplace=True); return df.index[-1], df
df.set_index("close", inplace=True); return df.index[-1], df
df.insert(0, "first", 1.0); return df.iloc[-1], df
df.insert(0, "close", 1.0); return df
df.update(df * 2); return df["close"].iloc[-1], df
df.eval("new = close * 2", inplace=True); return df.new.iloc[-1], df
df.query("close > open", inplace=True); return df, len(df), df["close"].iloc[-1]
df["close"] = df["close"].clip(1.0, 1.01); return df["close"].iloc[-1]
df.replace(df["close"].iloc[-1], 0.0, inplace=True); return df["close"].iloc[-1]
df["close"].fillna(0.0, inplace=True); return df
df["fast"].fillna(0.0, inplace=True); return df
df["close"].replace(df["close"].iloc[-1], 0.0, inplace=True); return df
df["close"].clip(0, 1, inplace=True); return df
df["close"].iloc[-1] = 9.0; return df["close"].iloc[-1]
df["close"].loc[df.index[-1]] = 9.0; return df["close"].iloc[-1]
df["close"][df.index[-1]] = 9.0; return df["close"].iloc[-1]
df["close"][-3:] = 9.0; return df["close"].iloc[-1]
df.iloc[-1]["close"] = 9.0; return df["close"].iloc[-1]
df.iloc[-1].close = 9.0; return df["close"].iloc[-1]
df.loc[df.index[-1]]["close"] = 9.0; return df["close"].iloc[-1]
df.iloc[-3:]["close"] = 9.0; return df["close"].iloc[-1]
df[["close"]].iloc[-1] = 9.0; return df["close"].iloc[-1]
df["close"].at[df.index[-1]] = 9.0; return df["close"].iloc[-1]
df["close"].iat[-1] = 9.0; return df["close"].iloc[-1]
df[df["close"] > df["open"]] = 0.0; return df
df[["a", "b"]] = df[["open", "close"]]; return df
df["close"] += 1; return df["close"].iloc[-1]
df["new"] = 1; df["new"] += 1; return df["new"].iloc[-1], df.iloc[-1].new
df += 1; return df, df["close"].iloc[-1]
df *= 2; return df
df["x"], df["y"] = df["open"], df["close"]; return df.x.iloc[-1], df.y.iloc[-1]
df["n"] = range(len(df)); df["n"].iloc[-1]; df.loc[df.index[-1], "n"] = -1; return df["n"].iloc[-1], df.n.values[-1]
df["bad"] = [1, 2]; return df
df.iloc[1000, 0] = 1.0; return df
df.iloc[-1000] = 1.0; return df
df["open"].index.name = "q"; return df.index.name, df["close"].index.name, df
"""


def _lines(block: str) -> list[str]:
    return [line for line in block.splitlines() if line]


EXPRESSIONS = [f"return {line}" for block in (VALUES, ROWS, COLUMNS, FRAMES) for line in _lines(block)]
BODIES = [*EXPRESSIONS, *_lines(WRITES)]
