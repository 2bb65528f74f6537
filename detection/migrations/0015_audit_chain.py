"""Events of the audit get a place in a chain."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0014_trustworthy")]

    operations = [
        migrations.RemoveField("auditevent", "previous"),
        migrations.AddField(
            "auditevent",
            "number",
            models.PositiveBigIntegerField(blank=True, editable=False, null=True, unique=True),
        ),
    ]
