"""What the bots API accepts and answers. Fields that may hold megabytes are in the detail serializers only."""

from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.formats import NOT_A_UUID, UUID
from accounts.models import Account, OwnedQuerySet
from accounts.serializers import (
    QueryIntegerField,
    StrictCharField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictFloatField,
    StrictIntegerField,
    StrictModelSerializer,
    StrictSerializer,
    plain_json,
)
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun, LiveRunEvent
from bots.models.backtest_run import MAX_SYMBOLS

PARAMS_HELP = "Parameters of the strategy by name; what its PARAMS_SCHEMA names may be set"


@extend_schema_field(OpenApiTypes.UUID)
class OwnedField(serializers.PrimaryKeyRelatedField[Any]):
    """A row the user may see: a foreign id answers like one that does not exist."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        absent = data is serializers.empty or data is None
        if not absent and not (isinstance(data, str) and UUID.fullmatch(data)):  # DRF would take "" for null
            raise serializers.ValidationError(NOT_A_UUID)
        return super().run_validation(data)

    def get_queryset(self) -> OwnedQuerySet[Any]:
        rows = cast("OwnedQuerySet[Any]", super().get_queryset())
        return rows.owned_by(self.context["request"].user)


@extend_schema_field({"type": "object", "additionalProperties": True})
class JSONObjectField(serializers.JSONField):
    """A JSON object of values PostgreSQL can keep."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("Must be an object.")
        return dict(plain_json(data))


class RiskSettingsSerializer(StrictSerializer):
    """`risk_json`: what a strategy is told about risk."""

    fixed_lot_size = StrictFloatField(required=False, min_value=0.00001, max_value=100_000)
    max_open_positions = StrictIntegerField(
        required=False, min_value=1, max_value=10_000, help_text="Further entries are refused while so many are open"
    )


class BotSerializer(StrictModelSerializer):
    account = OwnedField(queryset=Account.objects.all(), allow_null=True, required=False)

    class Meta:
        model = Bot
        fields = ["id", "name", "account", "strategy_template", "is_active", "created_by", "created_at", "updated_at"]
        read_only_fields = ["id", "created_by", "created_at", "updated_at"]

    def validate_account(self, account: Account | None) -> Account | None:
        """Staff see every account, but a bot trades on its owner's only."""
        owner = self.context["request"].user if self.instance is None else self.instance.created_by
        if account is not None and account.user_id != owner.pk:
            raise serializers.ValidationError("The account belongs to another user than the bot.")
        return account

    def validate_strategy_template(self, name: str) -> str:
        if self.instance is not None and name != self.instance.strategy_template:
            raise serializers.ValidationError("A bot keeps its template; make a new bot, or a new version of this one.")
        return name


class BotVersionListSerializer(serializers.ModelSerializer[BotVersion]):
    class Meta:
        model = BotVersion
        fields = ["id", "bot", "code_hash", "params", "notes", "created_at"]
        read_only_fields = fields


class BotVersionSerializer(serializers.ModelSerializer[BotVersion]):
    class Meta:
        model = BotVersion
        fields = ["id", "bot", "code_hash", "code", "params", "notes", "created_at"]
        read_only_fields = fields


class BotVersionCreateSerializer(StrictSerializer):
    bot_id = OwnedField(queryset=Bot.objects.all())
    strategy_file_content = StrictCharField(trim_whitespace=False, max_length=262_144)
    params = JSONObjectField(required=False, default=dict, help_text=PARAMS_HELP)
    notes = StrictCharField(required=False, default="", allow_blank=True, max_length=10_000)


class BacktestConfigSerializer(StrictModelSerializer):
    bot_version = OwnedField(queryset=BotVersion.objects.all())
    risk_json = RiskSettingsSerializer(required=False)

    class Meta:
        model = BacktestConfig
        fields = [
            "id", "bot_version", "label", "timeframe", "initial_equity", "risk_json", "slippage_ms", "slippage_r",
            "spread_points", "commission_per_lot", "intrabar", "warmup_bars", "leverage", "stop_out_level",
            "rollover_time", "rollover_timezone", "created_at",
        ]  # fmt: skip
        read_only_fields = ["id", "created_at"]

    def create(self, validated_data: dict[str, Any]) -> BacktestConfig:
        return BacktestConfig.objects.create(**validated_data)


RUN_FIELDS = [
    "id", "status", "instrument_symbol", "created_by", "created_at", "started_at", "heartbeat_at", "attempt", "worker",
]  # fmt: skip


class BacktestRunListSerializer(serializers.ModelSerializer[BacktestRun]):
    progress = serializers.FloatField(read_only=True)
    bot_version = serializers.UUIDField(source="config.bot_version_id", read_only=True)

    class Meta:
        model = BacktestRun
        fields = [
            *RUN_FIELDS, "instrument_symbols", "config", "bot_version", "data_window_start", "data_window_end",
            "progress", "bars_done", "bars_total", "cancelling_at", "finished_at", "error_code", "error", "digest",
        ]  # fmt: skip
        read_only_fields = fields


class BacktestRunSerializer(BacktestRunListSerializer):
    simulated_trades_log = serializers.JSONField(read_only=True)

    class Meta(BacktestRunListSerializer.Meta):
        fields = [
            *BacktestRunListSerializer.Meta.fields, "error_traceback", "equity_curve", "stats", "simulated_trades_log",
            "warnings", "refusals", "engine_version", "data_fingerprint", "instrument_snapshot", "settings_snapshot",
            "data_snapshot",
        ]  # fmt: skip
        read_only_fields = fields


class WindowSerializer(StrictSerializer):
    """The query of equity and candles: a part of the run's window, and how many points suffice."""

    max_points = QueryIntegerField(
        default=2_000, min_value=4, max_value=10_000, help_text="At most so many are answered"
    )

    def get_fields(self) -> dict[str, Any]:
        start = StrictDateTimeField(required=False, help_text="From this time; default: the run's start")
        end = StrictDateTimeField(required=False, help_text="Until this time; default: the run's end")
        return {"from": start, "to": end, **super().get_fields()}  # `from` cannot be an attribute


class SymbolSerializer(StrictSerializer):
    """The query of what is asked for one symbol of a run at a time."""

    symbol = StrictCharField(required=False, max_length=29, help_text="One of the run's symbols; default: the first")


class CandleQuerySerializer(WindowSerializer, SymbolSerializer):
    """The query of candles."""


class TradeQuerySerializer(StrictSerializer):
    """The query of trades, besides the page."""

    symbol = StrictCharField(required=False, max_length=29, help_text="Only trades of this symbol of the run")


class ReportQuerySerializer(StrictSerializer):
    """The query of a report."""

    download = QueryIntegerField(default=0, min_value=0, max_value=1, help_text="1: a file to keep, not a page to see")


class NoQuerySerializer(StrictSerializer):
    """The query of what takes none."""


class EquityPointSerializer(serializers.Serializer[Any]):
    timestamp = serializers.DateTimeField()
    equity = serializers.FloatField()


class EquityPointsSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(help_text="Points in the window; those answered keep every extreme")
    points = EquityPointSerializer(many=True)


class CandleSerializer(serializers.Serializer[Any]):
    time = serializers.DateTimeField(help_text="Of the open")
    open = serializers.FloatField()
    high = serializers.FloatField()
    low = serializers.FloatField()
    close = serializers.FloatField()
    tick_volume = serializers.IntegerField()


class CandleBarsSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    minutes = serializers.IntegerField(help_text="Length of each candle answered")
    total = serializers.IntegerField(help_text="M1 candles in the window")
    candles = CandleSerializer(many=True)


class OverlaysSerializer(serializers.Serializer[Any]):
    symbol = serializers.CharField()
    overlays = JSONObjectField(help_text="As the strategy's code describes them")


class TradeSerializer(serializers.Serializer[Any]):
    """A trade of the log. Money is account currency; figures in R are null without a stop loss."""

    id = serializers.IntegerField()
    part = serializers.IntegerField(help_text="0 for a trade closed at once, else which of its parts this is")
    symbol = serializers.CharField()
    side = serializers.CharField()
    lots = serializers.FloatField()
    entry_time = serializers.DateTimeField()
    entry_price = serializers.FloatField()
    exit_time = serializers.DateTimeField()
    exit_price = serializers.FloatField()
    sl = serializers.FloatField(allow_null=True)
    tp = serializers.FloatField(allow_null=True)
    initial_risk = serializers.FloatField(allow_null=True)
    pnl = serializers.FloatField()
    pnl_r = serializers.FloatField(allow_null=True)
    pnl_pessimistic = serializers.FloatField(help_text="Had the intrabar rule always decided against the trade")
    pnl_optimistic = serializers.FloatField(help_text="Had the intrabar rule always decided for the trade")
    commission = serializers.FloatField()
    swap = serializers.FloatField()
    mae_r = serializers.FloatField(allow_null=True)
    mfe_r = serializers.FloatField(allow_null=True)
    bars_held = serializers.IntegerField()
    exit_reason = serializers.CharField()
    intrabar_decided = serializers.BooleanField()
    tag = serializers.CharField(allow_blank=True)


class LiveRunSerializer(serializers.ModelSerializer[LiveRun]):
    class Meta:
        model = LiveRun
        fields = [
            *RUN_FIELDS, "bot_version", "account", "timeframe", "stopping_at", "stopped_at", "pnl_r", "drawdown_r",
            "last_error",
        ]  # fmt: skip
        read_only_fields = fields


class LiveRunEventSerializer(serializers.ModelSerializer[LiveRunEvent]):
    class Meta:
        model = LiveRunEvent
        fields = ["at", "kind", "actor", "message"]
        read_only_fields = fields


class LaunchBacktestSerializer(StrictSerializer):
    bot_version_id = OwnedField(queryset=BotVersion.objects.all())
    backtest_config_id = OwnedField(queryset=BacktestConfig.objects.all())
    instrument_symbol = StrictCharField(max_length=29, required=False, help_text="Either this")
    instrument_symbols = serializers.ListField(
        child=StrictCharField(max_length=29), min_length=1, max_length=MAX_SYMBOLS, required=False,
        help_text="or these, all different: one instance of the strategy each, trading on one equity",
    )  # fmt: skip
    data_window_start = StrictDateTimeField()
    data_window_end = StrictDateTimeField(help_text="Exclusive")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leaves `instrument_symbols` only."""
        given = {"instrument_symbol", "instrument_symbols"} & set(attrs)
        if len(given) != 1:
            reason = "Give either this or instrument_symbols." if given else "This field is required."
            raise serializers.ValidationError({"instrument_symbol": reason})
        if "instrument_symbol" in attrs:
            attrs["instrument_symbols"] = [attrs.pop("instrument_symbol")]
        return attrs


class StartLiveRunSerializer(StrictSerializer):
    bot_version_id = OwnedField(queryset=BotVersion.objects.all())
    instrument_symbol = StrictCharField(max_length=29)
    timeframe = StrictChoiceField(choices=BacktestConfig.Timeframe.choices, default="M1")


class StopLiveRunSerializer(StrictSerializer):
    reason = StrictCharField(required=False, default="", allow_blank=True, max_length=1_000)


class StrategyTemplateSerializer(serializers.Serializer[Any]):
    filename = serializers.CharField()
    display_name = serializers.CharField()
    kind = serializers.CharField()
    doc = serializers.CharField()
    params_schema = JSONObjectField()
    default_params = JSONObjectField()


class StrategyTemplateSourceSerializer(StrategyTemplateSerializer):
    strategy_file_content = serializers.CharField(help_text="The source, to make a version of one's own from")
