"""A model registry that needs nothing but an object store.

Importing it is cheap: boto3 is imported when an `s3://` store is opened, numpy never.
The parts that `training` and `service` use:

- `registry.contract`: what the model's input and output are
- `registry.card`: the model card, which describes one immutable version
- `registry.catalog`: `Registry`, with publish, resolve, promote and fetch
- `registry.settings`: where the registry is
- `registry.errors`: what can go wrong, sorted by what the caller does next
"""
