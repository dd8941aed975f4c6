"""The registry itself: publish immutable versions, move aliases, read both back verified."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from registry import blobs, keys
from registry.aliases import Alias
from registry.cache import BlobCache
from registry.card import DraftCard, ModelCard
from registry.errors import NotFoundError, StoreUnavailableError, UnsafeStoreError
from registry.moves import ANYTHING, AliasMove, Anything, Resolved
from registry.store import Guarantee, ObjectStore

# Imported where they are used: a service, whose cold start counts, only resolves and fetches.
if TYPE_CHECKING:
    from registry.policy import Policy
    from registry.signing import Signer

__all__ = ["ANYTHING", "AliasMove", "Anything", "Registry", "Resolved"]


class Registry:
    """A model registry in an object store.

    Every method may raise StoreUnavailableError, and IntegrityError where stored bytes are not
    what was written; those that write raise UnsafeStoreError where the store cannot keep two
    writers apart and nobody has promised that there is only one.
    """

    def __init__(
        self,
        store: ObjectStore,
        cache: BlobCache | None = None,
        *,
        policy: "Policy | None" = None,
        signer: "Signer | None" = None,
        single_writer: bool = False,
    ) -> None:
        """Keep everything in `store`; keep copies of what was fetched in `cache`, if there is one.

        `policy` has the rules of promotion and of trust; `signer` signs what is published;
        `single_writer` promises that no one else writes.
        """
        self.store = store
        self._policy = policy
        self.signer = signer
        self._cache = cache
        self._single_writer = single_writer

    @property
    def policy(self) -> "Policy":
        """The rules of promotion and of trust."""
        if self._policy is None:
            from registry.policy import Policy

            self._policy = Policy()
        return self._policy

    @policy.setter
    def policy(self, policy: "Policy") -> None:
        self._policy = policy

    def publish(
        self,
        model: str,
        files: Mapping[str, bytes],
        draft: DraftCard,
        *,
        publish_id: str | None = None,
    ) -> ModelCard:
        """Store `files` (name to bytes) as the next version of `model` and return its card.

        Files that the store holds already, under whatever version, take no more room. With a
        `publish_id`, calling again after a failure returns the version that the first call made,
        if it made one and it is among the newest eight.
        """
        from registry import publishing

        self.require_safe_writes()
        publication = publishing.Publication(model, files, draft, publish_id)
        return publishing.publish(self.store, publication, self.signer)

    def card(self, model: str, version: int) -> ModelCard:
        """The card of one version, in one request; raises NotFoundError, DeletedError."""
        from registry import publishing

        return publishing.read_card(self.store, model, version)

    def versions(self, model: str) -> list[int]:
        """The version numbers of `model`, newest first; deleted ones are among them."""
        return [keys.number_of(entry.key) for entry in self.store.listing(keys.versions(model))]

    def models(self) -> list[str]:
        """The names of the models."""
        return self.store.folders(keys.MODELS)

    def aliases(self, model: str) -> dict[str, int]:
        """The version that each alias of `model` names."""
        prefix = keys.aliases(model)
        names = (
            listed.key.removeprefix(prefix).removesuffix(".json")
            for listed in self.store.listing(prefix)
        )
        return {name: Alias(self.store, model, name).head().card.version for name in names}

    def resolve(self, model: str, alias: str) -> Resolved:
        """What `alias` names, in one request; raises NotFoundError where it was never set.

        With a cache, a store that is away is answered for: `stale` then says that this is what the
        alias last named. Raises UntrustedError where the policy asks for a signature in vain.
        """
        try:
            resolved = Alias(self.store, model, alias).head()
        except StoreUnavailableError:
            known = self._cache and self._cache.last_known(self.store, model, alias)
            if not known:
                raise
            return self._trusted(known)
        return self._remembered(self._trusted(resolved))

    def resolve_if_moved(self, model: str, known: Resolved) -> Resolved | None:
        """What the alias of `known` names now, or None while that is still `known`; one request.

        Where `known` is stale and turns out to be true still, it comes back no longer stale.
        """
        alias = Alias(self.store, model, known.move.alias)
        moved = alias.head_if_moved(known.etag)
        if moved is not None:
            return self._remembered(self._trusted(moved))
        return known.model_copy(update={"stale": False}) if known.stale else None

    def watch(
        self,
        model: str,
        known: Resolved,
        *,
        interval_s: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[Resolved]:
        """Each move of the alias of `known` from now on, for ever; one request an interval."""
        while True:
            sleep(interval_s)
            moved = self.resolve_if_moved(model, known)
            if moved is not None:
                known = moved
                yield moved

    def promote(
        self,
        card: ModelCard,
        alias: str,
        *,
        expect: int | Anything | None = ANYTHING,
        reason: str = "",
        force: bool = False,
    ) -> AliasMove:
        """Let `alias` name the version of `card`, and return the log entry that says so.

        Promoting what the alias names already changes nothing and returns the present entry.
        Raises AliasMovedError, naming the present version, where `expect` is given and the alias
        does not name that version (None: is not unset); RefusedError where the policy's rules are
        broken, unless `force` is given with a reason; UntrustedError where the policy asks for a
        signature, which cannot be forced.
        """
        from registry import promotion

        self.require_safe_writes()
        return promotion.promote(
            self.store, self.policy, card, alias, expect=expect, reason=reason, force=force
        )

    def rollback(
        self,
        model: str,
        alias: str,
        *,
        expect: int | Anything = ANYTHING,
        reason: str = "",
    ) -> AliasMove:
        """Let `alias` name again what it named before, and return the log entry that says so.

        Rolling back again goes further back. The promotion gate is not asked: the target has been
        through it. Raises NotFoundError where there is nothing before, otherwise as `promote`.
        """
        from registry import promotion

        self.require_safe_writes()
        return promotion.roll_back(
            self.store, self.policy, model, alias, expect=expect, reason=reason
        )

    def log(self, model: str, alias: str, *, limit: int | None = None) -> list[AliasMove]:
        """The last `limit` moves of an alias (or all), newest first; a request for each."""
        log = Alias(self.store, model, alias)
        return [move for move, _ in log.entries(log.sequences()[:limit])]

    def as_of(self, model: str, alias: str, moment: datetime) -> AliasMove:
        """The move that was in force at `moment`; raises NotFoundError where there was none."""
        return Alias(self.store, model, alias).as_of(moment)

    def fetch(self, card: ModelCard, file: str) -> bytes:
        """The bytes of one file of a version, size and SHA-256 checked; no request if cached."""
        try:
            stored = card.files[file]
        except KeyError:
            raise NotFoundError(
                f"{card.name} version {card.version} has no {file!r}, only {', '.join(card.files)}"
            ) from None
        cached = self._cache.get(stored) if self._cache else None
        if cached is not None:
            return cached
        body = blobs.read(self.store, stored)
        if self._cache:
            self._cache.put(stored, body)
        return body

    def require_trusted(self, card: ModelCard, alias: str) -> None:
        """Raise UntrustedError where what `alias` names must be signed and the version is not."""
        if self._policy is None:
            return  # By default nothing need be signed.
        from registry import promotion

        promotion.require_trusted(self.store, self.policy, card, alias)

    def require_safe_writes(self) -> None:
        """Raise UnsafeStoreError where two writers could overwrite each other unnoticed."""
        if self.store.guarantee() is Guarantee.NONE and not self._single_writer:
            raise UnsafeStoreError(
                f"{self.store.address} ignores If-None-Match on writing, so two writers could "
                "overwrite each other: use a store that honours it, or set "
                "ZIFFER_SINGLE_WRITER=true if you are the only one who writes"
            )

    def _trusted(self, resolved: Resolved) -> Resolved:
        if self._policy is None:
            return resolved  # Nobody asked for signatures.
        from registry import promotion

        move = resolved.move
        promotion.require_signature(self.policy, move.alias, move.card, move.signatures)
        return resolved

    def _remembered(self, resolved: Resolved) -> Resolved:
        if self._cache:
            self._cache.remember(self.store, resolved)
        return resolved
