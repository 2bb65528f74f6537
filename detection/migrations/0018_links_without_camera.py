from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("detection", "0017_pending_files")]

    operations = [
        migrations.AddField(
            model_name="sharelink",
            name="tells_camera",
            # The database knows the value: the older code, still running, leaves the column out.
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
