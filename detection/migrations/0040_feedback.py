"""Why a reported image was not added, and an index along which labels are reviewed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0005_retraining")]

    operations = [
        migrations.AddField(
            model_name="feedback",
            name="refusal_code",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name="feedback",
            name="refusal_sentence",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddIndex(
            model_name="item",
            index=models.Index(fields=["state"], name="item_in_review"),
        ),
    ]
