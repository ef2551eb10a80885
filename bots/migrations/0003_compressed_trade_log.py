from django.db import migrations

import bots.models.fields


def pack(apps, schema_editor):
    runs = apps.get_model("bots", "BacktestRun").objects.exclude(simulated_trades_log=[])
    for run in runs.only("simulated_trades_log").iterator(chunk_size=10):
        runs.filter(pk=run.pk).update(packed_trades_log=run.simulated_trades_log)


def unpack(apps, schema_editor):
    runs = apps.get_model("bots", "BacktestRun").objects
    for run in runs.only("packed_trades_log").iterator(chunk_size=10):
        if run.packed_trades_log:
            runs.filter(pk=run.pk).update(simulated_trades_log=run.packed_trades_log)


class Migration(migrations.Migration):
    dependencies = [("bots", "0002_symbols_margin_snapshots")]

    operations = [
        migrations.AddField(
            model_name="backtestrun",
            name="packed_trades_log",
            field=bots.models.fields.CompressedJSONField(blank=True, default=list),
        ),
        migrations.RunPython(pack, unpack),
        migrations.RemoveField(model_name="backtestrun", name="simulated_trades_log"),
        migrations.RenameField(model_name="backtestrun", old_name="packed_trades_log", new_name="simulated_trades_log"),
    ]
