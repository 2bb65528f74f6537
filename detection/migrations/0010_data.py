"""What an import needs to be taken up again: its label, its claim, and when it was enqueued."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0005_retraining")]

    operations = [
        migrations.AddField(
            model_name="datasetimport",
            name="label",
            field=models.CharField(
                blank=True,
                choices=[("real", "Real"), ("fake", "AI-generated")],
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="datasetimport",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="datasetimport",
            name="enqueued_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="enqueued"),
        ),
        migrations.AddField(
            model_name="datasetimport",
            name="started_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="begun"),
        ),
        migrations.AlterField(
            model_name="datasetimport",
            name="worker",
            field=models.CharField(blank=True, max_length=255),
        ),
    ]
