"""Where an imported version came from, and analyses that look at an image once more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0005_retraining")]

    operations = [
        migrations.AddField(
            model_name="modelversion",
            name="origin",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="analysis",
            name="is_repeat",
            field=models.BooleanField(default=False, verbose_name="repeated"),
        ),
    ]
