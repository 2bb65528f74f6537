"""What drawing the views tells beside."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0008_evidence")]

    operations = [
        migrations.AddField(
            model_name="forensicviews",
            name="findings",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
