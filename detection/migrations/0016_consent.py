"""Keeps to which words people agreed, and when; of consent from before, when it was given."""

from typing import Any

from django.db import migrations, models


def date_consents(apps: Any, schema_editor: Any) -> None:
    """Take the moment of the report: consent was given with it."""
    feedback = apps.get_model("detection", "Feedback")
    agreed = feedback.objects.filter(has_consent=True, consented_at=None)
    agreed.update(consented_at=models.F("created_at"))


class Migration(migrations.Migration):
    dependencies = [("detection", "0015_audit_chain")]

    operations = [
        migrations.AddField(
            model_name="feedback",
            name="consent_words",
            # The database knows the value: the older code, still running, leaves the column out.
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                max_length=16,
                verbose_name="agreed to the words of",
            ),
        ),
        migrations.AddField(
            model_name="feedback",
            name="consented_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="agreed"),
        ),
        migrations.RunPython(date_consents, migrations.RunPython.noop),
    ]
