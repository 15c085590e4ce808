-- whether published_versions.sql was applied
SELECT to_regclass('projections.published_versions') IS NOT NULL
