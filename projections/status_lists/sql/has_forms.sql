-- whether published_forms.sql was applied
SELECT to_regclass('projections.published_forms') IS NOT NULL
