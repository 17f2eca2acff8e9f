/**
 * A repository in restic's format (version 2), usable on its own: encrypted, deduplicated blobs in
 * packs, an index, trees, snapshots and locks on a {@link stet.repository.backend.Backend}.
 *
 * <p>Nothing here knows of applications or databases.
 */
@NullMarked
package stet.repository;

import org.jspecify.annotations.NullMarked;
