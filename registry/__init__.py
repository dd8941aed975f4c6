"""A model registry that needs nothing but an object store.

Importing it is cheap: boto3 is imported when an `s3://` store is written to or listed, or where
only boto3 finds the credentials; cryptography when a signature is made or asked for; numpy never.
The parts that `training` and `service` use:

- `registry.contract`: what the model's input and output are
- `registry.card`: the model card, which describes one immutable version
- `registry.catalog`: `Registry`, with publish, resolve, promote, rollback and fetch
- `registry.settings`: where the registry is
- `registry.errors`: what can go wrong, sorted by what the caller does next

From the bottom up: `store` says what is asked of a store, `local` and `s3` are stores, `probe`
tries them; `s3_light` reads what `s3` writes, through `s3_reader`, where `s3_access` finds all that
it takes, signed as in `aws_signature`; `documents` seals what is written, `keys` says where;
`blobs`, `publishing`, `aliases` and `notes` each keep one kind of thing; `policy`, `gate`,
`signing` and `promotion` decide what an alias may name; `catalog` puts these together. Beside it,
`audit`, `reachability`, `collection`, `deletion`, `checkup`, `search`, `comparison` and `bundle` do
one task each on whole registries. `configuration` reads the settings of every program, from a
`settings_file` as well where one is given; `handover` passes them on.
"""
