"""The report of a training: one HTML page to read, and one JSON document to compute with.

`training.report.writing.write` makes both from a `training.report.subject.Subject`. `description`
turns that into a `document`, with the help of `statistics`; `axes`, `svg` and `charts` draw any
chart, `figures` those of this report; `pictures` makes its images, and `page` sets it all from the
template beside it.
"""
