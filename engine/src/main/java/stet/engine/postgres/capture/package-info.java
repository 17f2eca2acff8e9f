/** Reads a database into a snapshot: all of it, or what changed since the snapshot before. */
@NullMarked
package stet.engine.postgres.capture;

import org.jspecify.annotations.NullMarked;
