/** Cooperative locks, understood by restic. */
@NullMarked
package stet.repository.lock;

import org.jspecify.annotations.NullMarked;
