"""Predict everything below a prefix of a bucket or in a directory.

In the order of a run: `settings`, `inputs` (what is there), `units` (how the work is divided),
`run` (what all processes of a run agree on), `workers` (the processes), `prediction` (one unit,
from `reading` through `records` to `json_lines` or `parquet`), `tally` (what it came to),
`progress`.
"""
