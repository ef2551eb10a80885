"""Versions: one hash per meaning, checked before they are stored, never changed, never lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots import services
from bots.errors import InUse, StrategyRejected, TemplateUnknown
from bots.models import Bot, BotVersion
from tests.factories import BacktestConfigFactory, BacktestRunFactory, BotFactory, BotVersionFactory, UserFactory

TEMPLATE = "ema_crossover_v1.py"


def source() -> str:
    return services.get_strategy_template_content(TEMPLATE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 0.1}, {"a": 1e-1}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": {"x": 1, "y": [1.0, 2]}}, {"a": {"y": [1, 2.0], "x": 1}}),
    ],
)
def test_spelling_does_not_change_the_hash(one, other):
    assert services.generate_code_hash("code", one) == services.generate_code_hash("code", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("code", {"a": 1}), ("code", {"a": 2})),
        (("code", {"a": 1}), ("code ", {"a": 1})),
        (("code", {"a": 1}), ("code", {"a": "1"})),
        (("code", {"a": 1}), ("code", {"a": True})),
        (("code", {"a": [1, 2]}), ("code", {"a": [2, 1]})),
        (("code{}", {}), ("code", {})),
    ],
)
def test_meaning_does(one, other):
    assert services.generate_code_hash(*one) != services.generate_code_hash(*other)


@given(st.dictionaries(st.text(max_size=8), st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_the_order_of_params_never_matters(params):
    backwards = dict(reversed(params.items()))
    assert services.generate_code_hash("code", params) == services.generate_code_hash("code", backwards)


def test_loading_a_template_describes_it_without_running_it():
    described = services.load_strategy_template(TEMPLATE)
    assert described.class_name == "Strategy"
    assert set(described.params_schema) == set(described.default_params)
    assert described.doc


@pytest.mark.parametrize("name", ["missing.py", "../manage.py", "__init__.py", "", "ema_crossover_v1"])
def test_a_template_that_is_not_there_is_refused_by_name(name):
    with pytest.raises(TemplateUnknown):
        services.get_strategy_template_content(name)


@pytest.mark.django_db
class TestStored:
    def test_a_new_bot_has_the_template_as_its_first_version(self):
        bot = services.create_bot(user=UserFactory(), name="Mine", strategy_template=TEMPLATE)
        version = bot.versions.get()
        assert version.code == source()
        assert version.params == {}
        assert version.code_hash == services.generate_code_hash(source(), {})

    def test_a_bot_of_an_unknown_template_is_not_stored(self):
        with pytest.raises(TemplateUnknown):
            services.create_bot(user=UserFactory(), name="Mine", strategy_template="missing.py")
        assert not Bot.objects.exists()

    def test_the_same_code_and_params_are_the_same_version(self):
        bot = BotFactory()
        first, created = services.create_bot_version(bot, source(), {"ema_short_period": 10}, "first")
        again, created_again = services.create_bot_version(bot, source(), {"ema_short_period": 10.0}, "second")
        assert (created, created_again) == (True, False)
        assert again == first
        assert again.notes == "first"

    def test_two_bots_may_have_the_same_code(self):
        versions = {services.create_bot_version(BotFactory(), source(), {})[0].pk for _ in range(2)}
        assert len(versions) == 2

    @pytest.mark.parametrize(
        ("code", "params", "field", "line"),
        [
            ("def broken(:\n", {}, "strategy_file_content", 1),
            ("x = 1\n", {}, "strategy_file_content", None),
            ("class Strategy:\n    pass\n", {}, "strategy_file_content", 1),
        ],
    )
    def test_source_that_cannot_run_is_refused_with_its_line(self, code, params, field, line):
        with pytest.raises(StrategyRejected) as refused:
            services.create_bot_version(BotFactory(), code, params)
        assert (refused.value.field, refused.value.extra["line"]) == (field, line)
        assert not BotVersion.objects.exists()

    def test_source_that_fails_when_it_is_loaded_is_refused(self):
        code = source() + "\nraise RuntimeError('no')\n"
        with pytest.raises(StrategyRejected, match="RuntimeError: no"):
            services.create_bot_version(BotFactory(), code, {})

    def test_params_are_refused_all_at_once(self):
        with pytest.raises(StrategyRejected) as refused:
            services.create_bot_version(BotFactory(), source(), {"ema_short_period": -1, "unknown": 1})
        problems = {problem["field"] for problem in refused.value.extra["errors"]}
        assert problems == {"params.ema_short_period", "params.unknown"}

    @pytest.mark.parametrize("factory", [BotFactory, BotVersionFactory, BacktestConfigFactory])
    def test_what_nothing_depends_on_can_be_deleted(self, factory):
        row = factory()
        services.delete_if_unused(row)
        assert not type(row).objects.filter(pk=row.pk).exists()

    def test_what_results_depend_on_cannot(self):
        run = BacktestRunFactory()
        for row in (run.config, run.config.bot_version, run.config.bot_version.bot):
            with pytest.raises(InUse):
                services.delete_if_unused(row)
        run.refresh_from_db()

    def test_a_config_may_change_until_a_run_was_made_with_it(self):
        config = BacktestConfigFactory()
        assert services.update_config(config, {"slippage_ms": 5}).slippage_ms == 5
        BacktestRunFactory(config=config)
        with pytest.raises(InUse):
            services.update_config(config, {"slippage_ms": 6})
        config.refresh_from_db()
        assert config.slippage_ms == 5
