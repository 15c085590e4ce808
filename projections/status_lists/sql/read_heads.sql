-- every log's latest publication
SELECT h.log_name, h.sequence FROM projections.published_heads AS h
