from django.db import migrations, models

import detection.models.forensic_views


class Migration(migrations.Migration):
    dependencies = [
        ("detection", "0010_band_of_analysis"),
    ]

    operations = [
        migrations.AddField(
            model_name="forensicviews",
            name="full",
            field=models.FileField(blank=True, upload_to=detection.models.forensic_views.view_name),
        ),
    ]
