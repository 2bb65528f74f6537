import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0016_consent")]

    operations = [
        migrations.CreateModel(
            name="PendingFiles",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("names", models.TextField()),
                (
                    "seen_at",
                    models.DateTimeField(
                        db_index=True, default=django.utils.timezone.now, editable=False
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "pending files",
                "ordering": ["pk"],
            },
        ),
        migrations.AddField(
            model_name="idempotentrequest",
            name="made",
            # The database knows the value: the older code, still running, leaves the column out.
            field=models.CharField(blank=True, db_default="", default="", max_length=24),
        ),
    ]
