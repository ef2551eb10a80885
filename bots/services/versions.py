"""Bots, their versions and configs: created, checked, protected once results depend on them."""

import hashlib
from collections.abc import Mapping

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError

from accounts.models import Account, User
from analysis.errors import ParamsInvalid, StrategyError
from analysis.sandbox.parent import check_strategy
from analysis.strategy import canonical_json, inspect_source
from bots.errors import InUse, StrategyRejected
from bots.models import BacktestConfig, Bot, BotVersion
from bots.selectors import get_strategy_template_content


def generate_code_hash(strategy_code: str, params: Mapping[str, object]) -> str:
    """SHA-256 (hex) of the source and the canonical JSON of the params.

    Key order and the spelling of a number (1, 1.0, 1e0) do not change it.
    """
    digest = hashlib.sha256(strategy_code.encode())
    digest.update(b"\0")
    digest.update(canonical_json(params).encode())
    return digest.hexdigest()


@transaction.atomic
def create_bot(
    *, user: User, name: str, strategy_template: str, account: Account | None = None, is_active: bool = True
) -> Bot:
    """A bot with its default version, or neither. Raises TemplateUnknown."""
    bot = Bot.objects.create(
        name=name,
        strategy_template=strategy_template,
        account=account,
        is_active=is_active,
        created_by=user,
    )
    create_default_bot_version(bot)
    return bot


def create_default_bot_version(bot: Bot) -> BotVersion:
    """The first version: the template's source with its own default parameters."""
    source = get_strategy_template_content(bot.strategy_template)
    version, _ = create_bot_version(bot, source, {}, "Default version from the template")
    return version


def create_bot_version(
    bot: Bot, strategy_code: str, params: Mapping[str, object], notes: str = ""
) -> tuple[BotVersion, bool]:
    """Store source and params as an immutable version; returns it and whether it is new.

    The same source and params give the version that is already there. Raises StrategyRejected with line and reason
    for source that cannot run or params it does not accept.
    """
    code_hash = generate_code_hash(strategy_code, params)
    known = bot.versions.filter(code_hash=code_hash).first()
    if known is not None:
        return known, False
    if not BotVersion.objects.filter(code_hash=code_hash).exists():  # else it passed the check before
        _check(strategy_code, bot.strategy_template, params)
    try:
        with transaction.atomic():
            version = bot.versions.create(code_hash=code_hash, code=strategy_code, params=dict(params), notes=notes)
    except IntegrityError:  # the same request came twice at once
        return bot.versions.get(code_hash=code_hash), False
    return version, True


def _check(source: str, filename: str, params: Mapping[str, object]) -> None:
    try:
        inspect_source(source, filename)
        check_strategy(source, filename, params, wall_clock_s=settings.STRATEGY_CHECK_WALL_CLOCK_S)
    except ParamsInvalid as error:
        problems = [
            {"field": f"params.{problem.field}", "code": "invalid", "message": problem.message}
            for problem in error.errors
        ]
        raise StrategyRejected(str(error), field="params", errors=problems) from error
    except StrategyError as error:
        raise StrategyRejected(str(error), field="strategy_file_content", line=error.line) from error


def update_config(config: BacktestConfig, changes: Mapping[str, object]) -> BacktestConfig:
    """Change a config no run was made with. Raises InUse otherwise: old results must stay explained."""
    with transaction.atomic():
        config = BacktestConfig.objects.select_for_update().get(pk=config.pk)
        if config.runs.exists():
            raise InUse("This config has backtest runs and cannot be changed; create a new config")
        for name, value in changes.items():
            setattr(config, name, value)
        config.save()
    return config


def delete_if_unused(instance: models.Model) -> None:
    """Delete a bot, version or config. Raises InUse when runs were made with it: results are never lost."""
    try:
        with transaction.atomic():
            instance.delete()
    except ProtectedError as error:
        kind = instance._meta.verbose_name
        raise InUse(
            f"This {kind} has runs and cannot be deleted"
            + ("; set is_active to false instead" if isinstance(instance, Bot) else "")
        ) from error
